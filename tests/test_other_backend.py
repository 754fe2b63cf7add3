"""Floors 0 to 5 run on JAX in a process where TensorFlow cannot be imported."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax")

PROGRAM = """
import os, sys
sys.modules["tensorflow"] = None
import numpy as np
import tftransformer.core, tftransformer.masks, tftransformer.positions, tftransformer.layers
import tftransformer.stacks, tftransformer.heads, tftransformer.models
import tftransformer.objectives, tftransformer.decoding
import keras
assert keras.backend.backend() == "jax"
from tftransformer.decoding import BeamSearch, Greedy
from tftransformer.models import Transformer
from tftransformer.positions import RotaryPositions

file = np.load(sys.argv[1])
tftransformer.layers.blocked_attention.BLOCK = 2  # of five tokens of a source
tftransformer.layers.blocked_attention.MANY_SCORES = 0
model = Transformer(2, 8, 2, 12, vocab_size=13, rotary=RotaryPositions(), norm="pre", dropout=0)
model.build()
model.set_weights([file[f"w{n}"] for n in range(len(model.weights))])
inputs = {"source_ids": file["source_ids"], "target_ids": file["target_ids"]}
logits = model(inputs)
start = file["target_ids"][:, :1]
given = dict(max_new_tokens=4, end_id=3, pad_id=0)
greedy = Greedy()(model.start_decoding(inputs["source_ids"], cache_length=5), start, **given)
step = model.start_decoding(inputs["source_ids"], cache_length=5, num_beams=2)
beams = BeamSearch(2)(step, start, **given)
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
loss = model.train_on_batch(inputs, file["labels"])
np.savez(sys.argv[2], logits=logits, greedy=greedy.ids, beams=beams.ids, scores=beams.scores,
         loss=loss)
"""


@pytest.mark.slow
def test_the_numbers_are_those_of_tensorflow(tmp_path):
    import keras

    from tftransformer.decoding import BeamSearch, Greedy
    from tftransformer.models import Transformer
    from tftransformer.positions import RotaryPositions

    inputs = {
        "source_ids": np.array([[5, 6, 7, 3, 0], [8, 3, 0, 0, 0]], "int32"),
        "target_ids": np.array([[2, 7, 6], [2, 9, 4]], "int32"),
    }
    labels = np.array([[7, 6, 3], [9, 4, 3]], "int32")
    model = Transformer(2, 8, 2, 12, vocab_size=13, rotary=RotaryPositions(), norm="pre", dropout=0)
    model.build()
    weights = {f"w{n}": w for n, w in enumerate(model.get_weights())}
    np.savez(tmp_path / "in.npz", **weights, **inputs, labels=labels)
    logits = np.array(model(inputs))
    start, given = inputs["target_ids"][:, :1], {"max_new_tokens": 4, "end_id": 3, "pad_id": 0}
    greedy = Greedy()(model.start_decoding(inputs["source_ids"], cache_length=5), start, **given)
    beams = BeamSearch(2)(
        model.start_decoding(inputs["source_ids"], cache_length=5, num_beams=2), start, **given
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    loss = model.train_on_batch(inputs, labels)

    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "in.npz"), str(tmp_path / "out.npz")],
        check=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
    )
    out = np.load(tmp_path / "out.npz")
    np.testing.assert_allclose(out["logits"], logits, atol=1e-5)
    np.testing.assert_array_equal(out["greedy"], greedy.ids)
    np.testing.assert_array_equal(out["beams"], beams.ids)
    np.testing.assert_allclose(out["scores"], beams.scores, atol=1e-4)
    np.testing.assert_allclose(out["loss"], loss, atol=1e-5)
