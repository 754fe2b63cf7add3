"""`export` of Keras works without a signature, for servers and for phones."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

from tftransformer.layers import TokenEmbeddings
from tftransformer.masks import CausalMask, PaddingMask, SlidingWindowMask
from tftransformer.models import (
    T5,
    Albert,
    Bart,
    Bert,
    DebertaV2,
    DistilBert,
    Electra,
    Gpt2,
    MBart,
    ModernBert,
    SentenceModel,
    StackModel,
    Transformer,
    TransformerXL,
    XLNet,
)
from tftransformer.positions import RotaryPositions
from tftransformer.stacks import Encoder

SIZES = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 8, "vocab_size": 20}
IDS = np.array([[5, 6, 7], [8, 9, 1]], "int32")
PAIR = {"source_ids": IDS, "target_ids": IDS[:, :2]}
ONE = {"token_ids": IDS}


class Todays(StackModel):
    """A stack as today's families have it, whose queries see a window."""

    def __init__(self):
        super().__init__()
        self.stack = Encoder(
            1,
            8,
            2,
            8,
            embeddings=TokenEmbeddings(20, 8),
            mask=CausalMask() & PaddingMask() & SlidingWindowMask(8),
            norm="pre",
            rotary=RotaryPositions(),
        )
        self.make_heads({}, {})
        self.build()


MODELS = {
    "Bert": (lambda: Bert(**SIZES, heads=["masked_lm"]), ONE),
    "ModernBert": (lambda: ModernBert(**{**SIZES, "num_layers": 2}, window=2), ONE),
    "DebertaV2": (lambda: DebertaV2(**SIZES, buckets=4, neighbours=1), ONE),
    "Albert": (
        lambda: Albert(**{**SIZES, "num_layers": 3}, embedding_width=6, heads=["masked_lm"]),
        ONE,
    ),
    "DistilBert": (lambda: DistilBert(**SIZES, heads=["sequence_classification"]), ONE),
    "Electra": (lambda: Electra(**SIZES, embedding_width=6, heads=["replaced"]), ONE),
    "OneHead": (lambda: Gpt2(**SIZES).only("lm"), ONE),
    "Transformer": (lambda: Transformer(**SIZES), PAIR),
    "T5": (lambda: T5(**SIZES), PAIR),
    "Bart": (lambda: Bart(**SIZES), PAIR),
    "MBart": (lambda: MBart(**SIZES), PAIR),
    "XLNet": (lambda: XLNet(**SIZES), ONE),
    "TransformerXL": (lambda: TransformerXL(**SIZES), ONE),
    "SentenceModel": (lambda: SentenceModel(**SIZES), ONE),
    "today's": (Todays, ONE),
}


def flat(outputs):
    """Outputs without lists, as exports name them."""
    if not isinstance(outputs, dict):
        return {"output": outputs}
    lists = {name: value for name, value in outputs.items() if isinstance(value, list)}
    numbered = {f"{name}_{n}": x for name, xs in lists.items() for n, x in enumerate(xs)}
    return {name: x for name, x in outputs.items() if name not in lists} | numbered


def assert_same(found, expected):
    assert set(found) == set(expected)
    for name, output in found.items():
        np.testing.assert_allclose(output, expected[name], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "inputs"), MODELS.values(), ids=MODELS)
def test_an_export_without_a_signature_computes_what_the_model_does(make, inputs, tmp_path):
    model = make()
    model.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "model")
    found = loaded.serve({name: tf.constant(ids) for name, ids in inputs.items()})
    assert_same(flat(found), flat(model(inputs)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "length"),
    [
        *((name, 3) for name in MODELS),
        *((name, 600) for name in ("OneHead", "Transformer", "today's")),
    ],
)
def test_an_export_for_phones_computes_what_the_model_does(name, length, tmp_path):
    """Of 600 tokens, queries that see what is before them come in blocks."""
    make, inputs = MODELS[name]
    model, inputs = make(), {name: np.resize(ids, (2, length)) for name, ids in inputs.items()}
    model.export(str(tmp_path / "model.tflite"), format="litert", verbose=False)
    with warnings.catch_warnings(action="ignore"):  # the runtime is to move to its own package
        run = tf.lite.Interpreter(str(tmp_path / "model.tflite")).get_signature_runner()
    found, expected = run(**inputs), flat(model(inputs))
    if len(found) == 1:  # Keras gives it a name
        found = dict(zip(expected, found.values(), strict=True))
    assert_same(found, expected)
