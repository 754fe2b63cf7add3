"""GPT, GPT-2, XLM and T5 in graphs of open shapes, exported, and on JAX: the same numbers."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tftransformer.decoding import BeamSearch
from tftransformer.models import T5, XLM, Gpt, Gpt2

SIZES = {"vocab_size": 30, "num_layers": 2, "d_model": 8, "num_heads": 2}
STACK = {**SIZES, "max_length": 16}
BUCKETS = {"dff": 12, "head_width": 4, "num_buckets": 8, "max_distance": 6}
IDS = np.array([[5, 6, 7, 9, 4], [8, 3, 11, 1, 20]], "int32")
MODELS = {
    "gpt": lambda: Gpt(**STACK),
    "gpt2": lambda: Gpt2(**STACK, heads=["lm", "sequence_classification"]),
    "xlm": lambda: XLM(**STACK, causal=True, heads=["lm", "span_beam"], starts=2, ends=2),
    "t5": lambda: T5(**SIZES, **BUCKETS, heads=["lm", "span"]),
}


def make(name):
    model = MODELS[name]()
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape, scale=0.3))
    return model


def inputs(name, ids=IDS):
    return {"source_ids" if name == "t5" else "token_ids": ids}


def decode(model, name, ids):
    prompt = ids[:, :1] * 0 if name == "t5" else ids
    step, cache = model.start_decoding(inputs(name, ids), 12, copies=2)
    return BeamSearch(2)(step, cache, prompt, max_new_tokens=6, end_id=1, pad_id=0).ids


@pytest.mark.parametrize("name", MODELS)
def test_graphs_of_open_shapes_and_exported_models(name, tmp_path):
    import tensorflow as tf

    model = make(name)
    ids = tf.TensorSpec([None, None], tf.int32)
    graph = tf.function(lambda x: decode(model, name, x), input_signature=[ids])
    np.testing.assert_array_equal(graph(tf.constant(IDS)), decode(model, name, tf.constant(IDS)))
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("lm", lambda x: model(inputs(name, x))["lm"], input_signature=[ids])
    archive.write_out(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(served.lm(tf.constant(IDS)), model(inputs(name))["lm"], atol=1e-5)


def flat(outputs):
    """The arrays of outputs, those of a head's dict too."""
    arrays = {}
    for key, value in outputs.items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        arrays |= {f"{key}.{part}": np.array(array) for part, array in parts}
    return arrays


def compute():
    found = {}
    for name in MODELS:
        model = make(name)
        found |= {f"{name}.{key}": x for key, x in flat(model(inputs(name))).items()}
        found[f"{name}.decoded"] = np.array(decode(model, name, IDS))
    return found


@pytest.mark.slow
def test_the_numbers_on_jax_are_those_of_tensorflow(tmp_path):
    pytest.importorskip("jax")
    here = Path(__file__)
    program = (
        "import sys; sys.modules['tensorflow'] = None\n"
        f"sys.path[:0] = [{str(here.parents[2])!r}, {str(here.parent)!r}]\n"
        f"import numpy as np, {here.stem} as test\n"
        f"np.savez({str(tmp_path / 'jax.npz')!r}, **test.compute())\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    found = np.load(tmp_path / "jax.npz")
    expected = compute()
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=1e-5, err_msg=name)
