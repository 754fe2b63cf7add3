"""The families in graphs of open shapes, exported, and on JAX: the same numbers."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tftransformer.decoding import BeamSearch
from tftransformer.models import (
    T5,
    XLM,
    Albert,
    Bart,
    Bert,
    Deberta,
    DebertaV2,
    DistilBert,
    Electra,
    Gemma3,
    Gpt,
    Gpt2,
    GptNeoX,
    Llama,
    MBart,
    ModernBert,
    Phi,
    Roberta,
    TransformerXL,
    XLNet,
)

SIZES = {"vocab_size": 30, "num_layers": 2, "d_model": 8, "num_heads": 2}
STACK = {**SIZES, "num_positions": 16}
BUCKETS = {"dff": 12, "head_width": 4, "num_buckets": 8, "max_distance": 6}
WINDOW = {"dff": 12, "window": 2, "pad_id": 0}
BESIDE = {"dff": 12, "buckets": 4, "neighbours": 1}
CLUSTERS = {"cutoffs": (10, 20), "d_embed": 8, "shrink": 2}
IDS = np.array([[5, 6, 7, 9, 4], [8, 3, 11, 1, 20]], "int32")
MODELS = {
    "albert": lambda: Albert(
        **STACK, dff=12, embedding_width=6, num_groups=2, heads=["masked_lm", "sentence_order"]
    ),
    "bert": lambda: Bert(**STACK, dff=12, heads=["masked_lm", "pooled"]),
    "roberta": lambda: Roberta(**STACK, dff=12, heads=["masked_lm", "token_classification"]),
    "modern_bert": lambda: ModernBert(**SIZES, **WINDOW, heads=["masked_lm", "span"]),
    "deberta": lambda: Deberta(**STACK, dff=12, max_distance=4),
    "deberta_v2": lambda: DebertaV2(**STACK, **BESIDE, heads=["masked_lm", "multiple_choice"]),
    "distilbert": lambda: DistilBert(**STACK, dff=12, heads=["masked_lm", "multiple_choice"]),
    "electra": lambda: Electra(
        **STACK, dff=12, embedding_width=6, heads=["masked_lm", "replaced", "multiple_choice"]
    ),
    "gpt": lambda: Gpt(**STACK),
    "gpt2": lambda: Gpt2(**STACK, heads=["lm", "sequence_classification"]),
    "llama": lambda: Llama(
        **SIZES,
        dff=12,
        num_key_value_heads=1,
        rotary_scaling={"rope_type": "linear", "factor": 2.0},
    ),
    "gemma3": lambda: Gemma3(**SIZES, dff=12, windows=[2, None], heads=["lm", "span"]),
    "phi": lambda: Phi(**SIZES, dff=12, query_key_norm=True),
    "gpt_neox": lambda: GptNeoX(**SIZES, dff=12, rotary_share=0.5),
    "xlm": lambda: XLM(**STACK, causal=True, heads=["lm", "span_beam"], starts=2, ends=2),
    "bart": lambda: Bart(**SIZES, dff=12, heads=["lm", "span"]),
    "mbart": lambda: MBart(**SIZES, dff=12, heads=["lm", "sequence_classification"]),
    "t5": lambda: T5(**SIZES, **BUCKETS, heads=["lm", "span"]),
    "transformer_xl": lambda: TransformerXL(**SIZES, **CLUSTERS, dff=12, memory_length=4),
    "xlnet": lambda: XLNet(**SIZES, dff=12, memory_length=4, heads=["lm", "span_beam"]),
}
READERS = ("albert", "bert", "deberta", "deberta_v2", "distilbert", "electra", "modern_bert")
READERS += ("roberta",)
WRITERS = [name for name in MODELS if name not in READERS]
PAIRED = ("bart", "mbart", "t5")
WITH_MEMORY = ("transformer_xl", "xlnet")


def make(name):
    model = MODELS[name]()
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape, scale=0.3))
    return model


def inputs(name, ids=IDS):
    return {"source_ids" if name in PAIRED else "token_ids": ids}


def answer(model, name, ids):
    """All outputs by their paths; with a memory, those of a second segment."""
    outputs = model(inputs(name, ids))
    if name in WITH_MEMORY:
        outputs = model({**inputs(name, ids), "memory": outputs["memory"]})
    paths = keras.tree.flatten_with_path(outputs)
    return {".".join(map(str, path)): tensor for path, tensor in paths}


def decode(model, name, ids):
    prompt = ids[:, :1] * 0 if name in PAIRED else ids
    step = model.start_decoding(inputs(name, ids), cache_length=12, num_beams=2)
    return BeamSearch(2)(step, prompt, max_new_tokens=6, end_id=1, pad_id=0).ids


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_graphs_of_open_shapes_write_the_same(name):
    import tensorflow as tf

    model = make(name)
    ids = tf.TensorSpec([None, None], tf.int32)
    graph = tf.function(lambda x: decode(model, name, x), input_signature=[ids])
    np.testing.assert_array_equal(graph(tf.constant(IDS)), decode(model, name, tf.constant(IDS)))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_exported_models_answer_the_same(name, tmp_path):
    import tensorflow as tf

    model = make(name)
    archive = keras.export.ExportArchive()
    archive.track(model)
    ids = tf.TensorSpec([None, None], tf.int32)
    archive.add_endpoint("answer", lambda x: answer(model, name, x), input_signature=[ids])
    archive.write_out(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved")
    found = served.answer(tf.constant(IDS))
    expected = answer(model, name, IDS)
    assert set(found) == set(expected)
    for path, array in expected.items():
        np.testing.assert_allclose(found[path], array, atol=1e-5, err_msg=path)


def compute():
    found = {}
    for name in MODELS:
        model = make(name)
        found |= {f"{name}.{key}": np.array(x) for key, x in answer(model, name, IDS).items()}
        if name in WRITERS:
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
