"""Drawn decodings: a padded batch beside a cache is each row alone without one.

`COMBINATIONS=5000 pytest tests/combinations` draws that many; the default keeps the suite fast.
"""

import functools
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from tftransformer.decoding import (
    BadWords,
    BeamSearch,
    DecodingStep,
    ForcedEnd,
    Greedy,
    MinNewTokens,
    NoRepeatNgrams,
    RepetitionPenalty,
    Sampling,
)
from tftransformer.masks import CausalMask, PaddingMask, PrefixMask, SlidingWindowMask
from tftransformer.models import (
    T5,
    XLM,
    Bart,
    Gemma2,
    Gpt,
    Gpt2,
    GptNeoX,
    Llama,
    Roberta,
    Transformer,
    TransformerXL,
    XLNet,
)
from tftransformer.positions import RotaryPositions

V, PAD, END, NEW, MEMORY = 17, 0, 1, 3, 3
SIZES = {"vocab_size": V, "num_layers": 1, "d_model": 8, "num_heads": 2}
WIDE = {**SIZES, "dff": 12}
CAUSAL = CausalMask() & PaddingMask()
# Of what reads ids alone, and of what reads a source.
STACKS = {
    "gpt2": lambda: Gpt2(**SIZES, num_positions=16, pad_id=PAD),
    "gpt2, no pad id": lambda: Gpt2(**SIZES, num_positions=16),
    "gpt, window": lambda: Gpt(
        **SIZES, num_positions=16, pad_id=PAD, mask=CAUSAL & SlidingWindowMask(2)
    ),
    "gpt2, prefix": lambda: Gpt2(
        **SIZES, num_positions=16, pad_id=PAD, mask=(CausalMask() | PrefixMask()) & PaddingMask()
    ),
    "xlm": lambda: XLM(**SIZES, num_positions=16, causal=True, sinusoidal=True, pad_id=PAD),
    "llama": lambda: Llama(**WIDE, pad_id=PAD, num_key_value_heads=1),
    "gemma2, window": lambda: Gemma2(**WIDE, windows=2),
    "gpt-neox": lambda: GptNeoX(**WIDE, rotary_share=0.5),
    "roberta": lambda: Roberta(**WIDE, num_positions=16, pad_id=PAD, mask=CAUSAL, heads=("lm",)),
    "transformer-xl": lambda: TransformerXL(**WIDE, memory_length=0, cutoffs=(8,)),
    "transformer-xl, memory": lambda: TransformerXL(**WIDE, memory_length=MEMORY, cutoffs=()),
    "xlnet": lambda: XLNet(**WIDE, pad_id=PAD),
}
PAIRS = {
    "transformer": lambda: Transformer(**WIDE),
    "transformer, rotary": lambda: Transformer(**WIDE, rotary=RotaryPositions(), norm="pre"),
    "transformer, window": lambda: Transformer(
        **WIDE, decoder_mask=CAUSAL & SlidingWindowMask(2), cross_mask=PaddingMask()
    ),
    "bart": lambda: Bart(**WIDE),
    "t5": lambda: T5(**WIDE, head_width=4),
}
UNTOLD = ("gpt2, no pad id", "gpt-neox", "transformer-xl", "transformer-xl, memory")
TEXTS = {Transformer: "target_ids", Bart: "target_ids", T5: "target_ids"}
STRATEGIES = [
    Greedy(),
    BeamSearch(1, 0.0),
    BeamSearch(3, num_return=2),
    BeamSearch(2, early_stopping="never"),
    Sampling(seed=3, top_k=4),
]
# Those that only ban act on logits as on log-probabilities.
BANS = [NoRepeatNgrams(1), NoRepeatNgrams(2), BadWords([[5], [6, 7]]), MinNewTokens(2, END)]
PROCESSORS = [*BANS, RepetitionPenalty(1.5), ForcedEnd(5, END)]


@functools.cache
def model_of(name):
    """A model with weights large enough to tell texts apart, made once."""
    model = {**STACKS, **PAIRS}[name]()
    random = np.random.default_rng(sorted({**STACKS, **PAIRS}).index(name))
    for weight in model.trainable_weights:
        weight.assign(random.normal(size=weight.shape) * 0.5)
    return model


def decode(model, inputs, prompts, strategy, cache_length=None, **given):
    """What a strategy makes of a model's own step."""
    model.traces.clear()  # else the second decoding with equal settings is compiled
    step = model.start_decoding(
        inputs, cache_length=cache_length, num_beams=strategy.rows_per_prompt
    )
    return arrays(strategy(step, prompts, max_new_tokens=NEW, end_id=END, pad_id=PAD, **given))


def decode_without_cache(model, inputs, mask_name, prompt, strategy, **given):
    """The same of one row without padding, the whole model at each step."""
    rows = strategy.rows_per_prompt
    inputs = {name: np.repeat(x, rows, axis=0) for name, x in inputs.items()}

    def run(ids, **more):
        told = {mask_name: np.ones(ids.shape, bool)}  # a pad token that was written is a token
        outputs = model({TEXTS.get(type(model), "token_ids"): ids, **inputs, **told, **more})
        return outputs if isinstance(outputs, dict) else {"lm": outputs}

    def over_all_tokens(ids, cache, position):
        cache = ops.slice_update(cache, (0, position), ids)
        tokens, more = np.array(cache[:, : position + ids.shape[1]]), {}
        if isinstance(model, XLNet):
            # One target, a place behind the last token, which sees all before it.
            tokens = np.pad(tokens, ((0, 0), (0, 1)), constant_values=END)
            more["permutation"] = np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape)
            more["target_mapping"] = np.zeros((rows, 1, tokens.shape[1]), "float32")
            more["target_mapping"][:, :, -1] = 1
        return run(tokens, **more)["lm"][:, -1], cache

    def with_memory(ids, memory, position):
        outputs = run(ids, memory=memory)
        return outputs["lm"][:, -1], outputs["memory"]

    if getattr(model.decoding_stack, "memory_length", None):
        step = DecodingStep(with_memory, [np.zeros((rows, MEMORY, SIZES["d_model"]), "float32")])
    else:
        step = DecodingStep(over_all_tokens, np.zeros((rows, prompt.shape[1] + NEW), "int32"))
    return arrays(strategy(step, prompt, max_new_tokens=NEW, end_id=END, pad_id=PAD, **given))


def arrays(decoded):
    return [np.array(x) for x in decoded]


def padded(rows, side):
    """Rows as one array, and where its tokens are."""
    width = max(map(len, rows))
    found = np.full((2, len(rows), width), PAD, "int32")
    for row, tokens in enumerate(rows):
        start = {"left": width - len(tokens), "right": 0, "both": (width - len(tokens)) // 2}[side]
        found[:, row, start : start + len(tokens)] = [tokens, [1] * len(tokens)]
    return found[0], found[1] > 0


@st.composite
def decodings(draw):
    """A model, its prompts (and sources), and how they are decoded."""
    texts = st.lists(st.integers(2, V - 1), min_size=1, max_size=4)
    rows = draw(st.lists(texts, min_size=1, max_size=2))
    return {
        "name": draw(st.sampled_from([*STACKS, *PAIRS])),
        "rows": rows,
        "sources": [draw(texts) for _ in rows],
        "side": draw(st.sampled_from(["left", "right", "both"])),
        "told": draw(st.booleans()),
        "grows": draw(st.booleans()),
        "strategy": draw(st.sampled_from(STRATEGIES)),
        "processors": tuple(draw(st.lists(st.sampled_from(PROCESSORS), max_size=2, unique=True))),
    }


def check(case):
    """A batch with padding beside a cache, against each row alone, unpadded, without a cache."""
    model, strategy = model_of(case["name"]), case["strategy"]
    prompts, is_token = padded(case["rows"], case["side"])
    is_pair = case["name"] in PAIRS
    # What does not know padding by its id has to be told of it, and so has every decoder.
    knows = case["name"] not in UNTOLD and not is_pair
    told = case["told"] or not (knows or is_token.all())
    mask_name = "target_padding_mask" if is_pair else "padding_mask"
    inputs = {"source_ids": padded(case["sources"], "right")[0]} if is_pair else {}
    if case["name"] == "gpt2, prefix":
        inputs["prefix_lengths"] = np.array([len(row) for row in case["rows"]], "int32")
    batch = {**inputs, **({mask_name: is_token} if told else {})}
    if not is_pair:
        batch["token_ids"] = prompts
    length = None if case["grows"] else prompts.shape[1] + NEW
    processors = {"processors": case["processors"]}
    found = decode(model, batch, prompts, strategy, length, **processors)
    for row, tokens in enumerate(case["rows"]):
        own = {name: x[row : row + 1] for name, x in inputs.items()}
        number = np.array([row], "int32")
        prompt = np.array([tokens], "int32")
        expected = decode_without_cache(
            model, own, mask_name, prompt, strategy, row_numbers=number, **processors
        )
        for whole, alone in zip(found, expected, strict=True):
            np.testing.assert_allclose(whole[row], alone[0], rtol=1e-3, atol=1e-3)


@pytest.mark.slow
@settings(max_examples=int(os.environ.get("COMBINATIONS", 10)), deadline=None)
@given(decodings())
def test_a_padded_batch_with_a_cache_is_each_row_alone_without(case):
    check(case)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(decodings())
def test_many_more_of_them(case):
    check(case)


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(decodings(), st.lists(st.sampled_from(BANS), max_size=2, unique=True))
def test_greedy_is_a_beam_of_one(case, processors):
    model = model_of(case["name"])
    rows = [row[:1] for row in case["rows"]]
    prompts = np.array(rows, "int32")
    inputs = {"token_ids": prompts}
    if case["name"] in PAIRS:
        inputs = {"source_ids": padded(case["sources"], "right")[0]}
    elif case["name"] == "gpt2, prefix":
        inputs["prefix_lengths"] = np.ones(len(rows), "int32")
    greedy, beam = (
        decode(model, inputs, prompts, strategy, processors=processors)
        for strategy in (Greedy(), BeamSearch(1, 0.0))
    )
    np.testing.assert_array_equal(beam[0], greedy[0])
    if not processors:
        np.testing.assert_allclose(beam[1], greedy[1], rtol=1e-4, atol=1e-4)
