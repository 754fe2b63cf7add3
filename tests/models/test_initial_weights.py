"""Each weight of a new model starts as the paper of its family, or its authors' code, says."""

import re

import keras
import numpy as np
import pytest

from tftransformer.models import (
    T5,
    XLM,
    Albert,
    Bart,
    Bert,
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
    Roberta,
    T5Encoder,
    Transformer,
    TransformerXL,
    XLNet,
)

V, LAYERS, D, HEADS, DFF = 400, 4, 64, 4, 128
SIZES = (V, LAYERS, D, HEADS, DFF)
CUT = 0.8796 * 0.02  # a normal distribution of 0.02, cut off at twice that
OUT = 0.02 / np.sqrt(2 * LAYERS)
HEADS_OF_BERT = ["pooled", "masked_lm", "sequence_classification", "token_classification", "span"]

OF_ROWS = ["masked_lm", "sequence_classification"]


def glorot(*shape):
    return np.sqrt(2 / sum(shape))


# For each model: patterns of paths and the standard deviation there; the first that fits counts.
FAMILIES = {
    "albert": (
        lambda: Albert(*SIZES, embedding_width=48, heads=["masked_lm", "sentence_order", "pooled"]),
        {"": CUT},
    ),
    "bert": (lambda: Bert(*SIZES, tied=False, heads=HEADS_OF_BERT), {"": CUT}),
    "roberta": (lambda: Roberta(*SIZES, tied=False, heads=HEADS_OF_BERT), {"": 0.02}),
    "modern_bert": (
        lambda: ModernBert(*SIZES, tied=False, heads=["masked_lm", "sequence_classification"]),
        {
            r"attention/output|feed_forward/outer|transform|masked_lm/output": 0.8796 * OUT,
            r"sequence_classification/projection": 0.8796 * D**-0.5,
            "": CUT,
        },
    ),
    "deberta": (
        lambda: DebertaV2(*SIZES, shared=False, neighbours=1, tied=False, heads=OF_ROWS),
        {"": 0.02},
    ),
    "distilbert": (lambda: DistilBert(*SIZES, tied=False, heads=HEADS_OF_BERT[1:]), {"": 0.02}),
    "electra": (
        lambda: Electra(*SIZES, embedding_width=48, heads=["masked_lm", "replaced", "span"]),
        {"": CUT},
    ),
    "gpt": (lambda: Gpt(*SIZES, tied=False, heads=["lm", "sequence_classification"]), {"": 0.02}),
    "gpt2": (
        lambda: Gpt2(*SIZES, tied=False, heads=["lm", "token_classification"]),
        {r"attention/output|feed_forward/outer": OUT, "": 0.02},
    ),
    "llama": (lambda: Llama(*SIZES, heads=["lm", "sequence_classification"]), {"": 0.02}),
    "gemma3": (lambda: Gemma3(*SIZES, heads=["lm", "token_classification"]), {"": 0.02}),
    "gpt-neox": (lambda: GptNeoX(*SIZES, heads=["lm", "span"]), {"": 0.02}),
    "t5": (
        lambda: T5(*SIZES, head_width=32, gated=True, heads=["lm", "span"]),
        {
            "table/embeddings": 1.0,
            "attention/query": (D * 32) ** -0.5,
            "attention/(key|value)": D**-0.5,
            "attention/output": (HEADS * 32) ** -0.5,
            "feed_forward/outer": DFF**-0.5,
            "": D**-0.5,  # the other part of the net, the position bias, heads
        },
    ),
    "t5 encoder": (
        lambda: T5Encoder(*SIZES, heads=["token_classification"]),
        {"table/embeddings": 1.0, "attention/query": (D * 64) ** -0.5, "attention/key": D**-0.5},
    ),
    "xlm": (
        lambda: XLM(*SIZES, languages=3, heads=["lm", "span_beam", "multiple_choice"]),
        {"embeddings": D**-0.5, "": 0.02},
    ),
    "xlnet": (lambda: XLNet(*SIZES, heads=["lm", "sequence_classification"]), {"": 0.02}),
    "transformer-xl": (
        lambda: TransformerXL(*SIZES, memory_length=4, cutoffs=(100, 200), shrink=2),
        {"projection_": 0.01, "": 0.02},
    ),
    "bart": (
        lambda: Bart(*SIZES, heads=["lm", "sequence_classification", "span"]),
        {"": 0.02},
    ),
    "mbart": (lambda: MBart(*SIZES, heads=["lm", "sequence_classification"]), {"": 0.02}),
    "transformer": (
        lambda: Transformer(LAYERS, D, HEADS, DFF, vocab_size=V),
        {"table/embeddings": D**-0.5, "feed_forward": glorot(D, DFF), "": glorot(D, D)},
    ),
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", FAMILIES)
def test_each_weight_has_the_standard_deviation_of_its_paper(name):
    make, expected = FAMILIES[name]
    drawn = {}
    for weight in make().weights:
        path, value = weight.path, np.array(weight)
        last = path.rsplit("/", 1)[-1]
        if last in ("bias", "beta", "cluster_bias") or re.fullmatch(r"bias_\d", last):
            assert np.all(value == 0), path
        elif last in ("gamma", "scale"):
            assert np.all(value == (0 if name == "gemma3" else 1)), path
        elif "seed" not in path:
            pattern = next((p for p in expected if re.search(p, path)), None)
            if pattern is None:
                continue
            drawn[pattern] = drawn.get(pattern, 0) + 1
            # Four standard errors of a standard deviation of so many numbers.
            margin = 4 / np.sqrt(2 * value.size) + 0.01
            assert value.std() / expected[pattern] == pytest.approx(1, abs=margin), path
            assert abs(value.mean()) < 5 * expected[pattern] / np.sqrt(value.size), path
    assert drawn.keys() == expected.keys()


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", ["bart", "bert", "gpt2", "t5"])
def test_no_two_weights_start_equal(name):
    seen = {}
    for weight in FAMILIES[name][0]().weights:
        value = np.array(weight)
        if value.size > 1 and value.std() > 0:
            assert seen.setdefault(value.tobytes(), weight.path) == weight.path


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", FAMILIES)
def test_the_seed_decides_each_weight_whatever_was_imported_before(name):
    def drawn(seed):
        keras.utils.set_random_seed(seed)
        values = [(weight.path, np.array(weight)) for weight in FAMILIES[name][0]().weights]
        return [(path, value) for path, value in values if value.std() > 0 and "seed" not in path]

    for (path, first), (_, again), (_, other) in zip(drawn(0), drawn(0), drawn(1), strict=True):
        np.testing.assert_array_equal(first, again, err_msg=path)
        assert not np.array_equal(first, other), path


@pytest.mark.slow
def test_sines_stay_as_they_are_after_freezing_and_unfreezing():
    model = XLM(*SIZES, sinusoidal=True)
    model.trainable = False
    model.trainable = True
    position = model.stack.embeddings.position
    assert not position.trainable_variables
    assert all("position" not in v.path for v in model.trainable_variables)
    assert model.stack.embeddings.table.trainable_variables
