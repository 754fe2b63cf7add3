"""Drawn pages of the families: a row is the same alone, padded, cached, saved and in a graph."""

import tempfile
from dataclasses import dataclass, replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import strategies as st
from properties import MANY, as_numbers, close, drawn

from tftransformer.masks import CausalMask, PaddingMask
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
    Gemma2,
    Gemma3,
    Gpt,
    Gpt2,
    GptNeoX,
    Llama,
    MBart,
    ModernBert,
    Phi,
    Qwen3,
    Roberta,
    T5Encoder,
    Transformer,
    TransformerXL,
    XLNet,
)

V, PAD = 13, 0
SIZES = {"num_layers": 2, "d_model": 8, "num_heads": 2, "dff": 12, "vocab_size": V, "pad_id": PAD}
WRITES = CausalMask() & PaddingMask()
OPTIONS = {
    Bert: [{"heads": ["masked_lm", "pooled"]}, {"heads": ["lm"], "mask": WRITES}],
    Roberta: [{"heads": ["masked_lm"]}, {"heads": ["lm"], "mask": WRITES}],
    ModernBert: [{"window": 2}, {"num_layers": 3, "norm_bias": True, "global_layers": [1]}],
    Deberta: [{"max_distance": 2}, {"in_embeddings": True, "terms": ["c2p"]}],
    DebertaV2: [{"buckets": 2}, {"buckets": None, "shared": False, "neighbours": 1}],
    Albert: [
        {"embedding_width": 6, "heads": ["masked_lm", "pooled"]},
        {"embedding_width": 8, "num_groups": 2, "inner_layers": 2, "heads": ["masked_lm"]},
    ],
    DistilBert: [{"heads": ["masked_lm"]}, {"heads": ["token_classification"]}],
    Electra: [
        {"embedding_width": 6, "heads": ["masked_lm", "replaced"]},
        {"embedding_width": 6, "heads": ["lm"], "mask": WRITES},
    ],
    Gpt: [{}, {"tied": False}],
    Gpt2: [{}, {"scaled_by_depth": True}],
    Llama: [{}, {"num_key_value_heads": 1, "tied": True}, {"windows": [2, None]}],
    Qwen3: [{"head_width": 6}],
    Gemma2: [{"windows": [None, 2]}],
    Gemma3: [{"windows": [2, None]}],
    Phi: [{}, {"query_key_norm": True}],
    GptNeoX: [{"rotary_share": 0.5}, {"parallel": None, "rotary_share": 1.0}],
    XLM: [{}, {"languages": 2}, {"causal": True, "sinusoidal": True}],
    TransformerXL: [
        {"memory_length": 3, "cutoffs": (5,), "shrink": 2},
        {"memory_length": 0, "same_length": False},
    ],
    XLNet: [{}, {"memory_length": 2}, {"causal": True, "clamp": 2}],
    T5: [{"head_width": 4}, {"head_width": 3, "gated": True, "tied": False}],
    MBart: [{}, {"num_layers": (1, 2), "scale_embeddings": False}],
    Bart: [{}, {"num_layers": (1, 2), "scale_embeddings": True}],
    T5Encoder: [{"head_width": 4, "heads": ["token_classification"]}],
    Transformer: [{}, {"norm": "pre", "normalization": "rms"}, {"num_layers": (1, 2)}],
}
# Families whose uncached models number columns.
RIGHT_ALONE = (Bart, MBart, Transformer)
OF_TWO = (Bart, MBart, T5, Transformer)
# Some write nothing, one writes what its query stream says of the next token.
NOT_FROM_ITS_OWN_LOGITS = (Albert, Deberta, DebertaV2, DistilBert, ModernBert, T5Encoder, XLNet)
READS = (*NOT_FROM_ITS_OWN_LOGITS, Bert, Electra, Roberta, XLM)
NUMBERED = (Albert, Bert, Deberta, DistilBert, Electra, Gpt, Gpt2, ModernBert, XLM)
SEGMENTED = (Albert, Bert, Electra, XLNet, Gpt2, Gpt)


@dataclass(frozen=True)
class Page:
    """A model that is still to be made, and texts for it."""

    family: type
    option: int
    policy: str
    rows: tuple[tuple[int, ...], ...]
    sides: tuple[str, ...]
    told: bool  # of padding, by a mask

    @property
    def options(self):
        return OPTIONS[self.family][self.option % len(OPTIONS[self.family])]

    @property
    def writes(self):
        options = self.options
        causal = self.family not in READS
        return causal or options.get("causal", False) or "mask" in options

    def make(self):
        model = self.family(**{**SIZES, "dtype": self.policy, **self.options})
        random = np.random.default_rng(3)
        for weight in model.trainable_weights:
            start = 1.0 if weight.name in ("gamma", "scale") else 0.0
            weight.assign(start + random.normal(size=weight.shape, scale=0.3))
        return model

    def alone(self, row):
        return replace(self, rows=self.rows[row : row + 1], sides=("right",))

    def padded(self):
        """The ids, and which of them are tokens: (rows, columns)."""
        width = max(map(len, self.rows))
        ids, real = np.full((len(self.rows), width), PAD, "int32"), []
        for row, text, side in zip(ids, self.rows, self.sides, strict=True):
            row[slice(width - len(text), width) if side == "left" else slice(len(text))] = text
            real.append(row != PAD)
        return ids, np.array(real)

    def inputs(self):
        ids, real = self.padded()
        if self.family in OF_TWO:
            targets = np.concatenate([np.ones_like(ids[:, :1]), ids[:, :-1]], axis=1)
            given = {"source_ids": ids, "target_ids": targets}
            return {**given, "source_padding_mask": real} if self.told else given
        given = {"token_ids": ids}
        if self.told:
            given["padding_mask"] = real
        if self.family in SEGMENTED:
            given["segment_ids"] = ids % 2
        if self.family in NUMBERED:
            given["position_ids"] = np.maximum(np.cumsum(real, axis=1, dtype="int32") - 1, 0)
        return given

    def outputs(self, model):
        """What it says of the tokens of each row: float32 (tokens, …)."""
        inputs, (_, real) = self.inputs(), self.padded()
        if self.family in OF_TWO:
            real = np.ones_like(real)
        found = model(inputs)
        found = found if isinstance(found, dict) else {"lm": found}
        return [
            {name: as_numbers(x)[row][of_row] for name, x in found.items() if name in BY_TOKEN}
            for row, of_row in enumerate(real)
        ]


BY_TOKEN = ("hidden", "lm", "masked_lm", "replaced", "token_classification")
BOUNDS = {"float32": 1e-4, "mixed_float16": 0.06, "mixed_bfloat16": 0.4}


def alike(found, expected, page):
    assert found.keys() == expected.keys()
    for name, x in found.items():
        close(x, expected[name], BOUNDS[page.policy], page)


@st.composite
def pages(draw, writes=False):
    family = draw(
        st.sampled_from([f for f in OPTIONS if not (writes and f in NOT_FROM_ITS_OWN_LOGITS)])
    )
    rows = draw(
        st.lists(st.lists(st.integers(1, V - 1), min_size=1, max_size=4), min_size=1, max_size=3)
    )
    option = draw(st.integers(0, 2))
    # An XLM that writes sees padding before its text, but in the steps of decoding.
    sees_padding = family is XLM and option == 2 and not writes
    is_right = family in RIGHT_ALONE or sees_padding
    sides = st.sampled_from(["right"] if is_right else ["left", "right"])
    page = Page(
        family=family,
        option=option,
        policy=draw(st.sampled_from(["float32"] * 3 + ["mixed_bfloat16", "mixed_float16"])),
        rows=tuple(map(tuple, rows)),
        sides=tuple(draw(st.lists(sides, min_size=len(rows), max_size=len(rows)))),
        told=draw(st.booleans()),
    )
    if writes and not page.writes:
        option = next(n for n in range(3) if replace(page, option=n).writes)
        page = replace(page, option=option)
    return page


def a_row_is_the_same_alone_and_in_a_padded_batch(page):
    model = page.make()
    for row, found in enumerate(page.outputs(model)):
        alone = page.alone(row).outputs(model)[0]
        alike({name: x[: len(alone[name])] for name, x in found.items()}, alone, page)


def a_prompt_is_continued_as_the_whole_model_says(page):
    """Prompts padded on either side, then a token that all rows go on with."""
    model = page.make()
    ids, _ = page.padded()
    if page.family in OF_TWO:
        prompt, given = np.ones_like(ids[:, :1]), {"source_ids": ids}
    else:
        prompt, given = ids, {k: v for k, v in page.inputs().items() if k != "segment_ids"}
    step = model.start_decoding(given, cache_length=ids.shape[1] + 2)
    first, cache = step(prompt, step.cache, 0)
    second, _ = step(np.full_like(prompt[:, :1], 7), cache, prompt.shape[1])
    for row, text in enumerate(page.rows):
        if page.family in OF_TWO:
            inputs = {"source_ids": np.array([text]), "target_ids": np.array([[1, 7]])}
        else:
            inputs = {"token_ids": np.array([[*text, 7]], "int32")}
        whole = model(inputs)
        whole = as_numbers(whole["lm"] if isinstance(whole, dict) else whole)[0, -2:]
        found = np.stack([as_numbers(first)[row], as_numbers(second)[row]])
        alike({"lm": found}, {"lm": whole}, page)


def a_saved_model_and_its_graph_are_the_model(page):
    model = page.make()
    expected = page.outputs(model)
    graph = tf.function(model)
    for found, row in zip(page.outputs(graph), expected, strict=True):
        alike(found, row, page)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.saving.load_model(f"{folder}/model.keras")
    for found, row in zip(page.outputs(loaded), expected, strict=True):
        for name, x in found.items():
            np.testing.assert_array_equal(x, row[name], repr(page))


PROPERTIES = {
    a_row_is_the_same_alone_and_in_a_padded_batch: (5, pages()),
    a_prompt_is_continued_as_the_whole_model_says: (6, pages(writes=True)),
    a_saved_model_and_its_graph_are_the_model: (2, pages()),
}


@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_of_a_few_pages(holds):
    number, *strategies = PROPERTIES[holds]
    drawn(holds, number, *strategies)


@pytest.mark.slow
@pytest.mark.parametrize("holds", PROPERTIES, ids=lambda holds: holds.__name__)
def test_of_many_pages(holds):
    number, *strategies = PROPERTIES[holds]
    drawn(holds, MANY * number, *strategies)
