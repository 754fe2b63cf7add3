"""Two texts are compared by the numbers of their tokens, and a bias reaches both streams."""

from functools import partial

import numpy as np
import pytest

from tftransformer.layers import (
    KeyValueCache,
    LayerState,
    MultiHeadAttention,
    RelativeScorer,
    StackState,
    TokenEmbeddings,
)
from tftransformer.masks import CausalMask, PaddingMask, PrefixMask, SlidingWindowMask
from tftransformer.models import Transformer
from tftransformer.positions import BucketedBias, RotaryPositions
from tftransformer.stacks import Decoder, RecurrentEncoder, TwoStreamEncoder

D = 8
CROSSING = {
    "window": {"cross_mask": PaddingMask() & SlidingWindowMask(1, after=1)},
    "causal": {"cross_mask": PaddingMask() & CausalMask()},
    "prefix": {"cross_mask": PaddingMask() & PrefixMask()},
    "rotary": {"cross_attention": MultiHeadAttention(D, 2, rotary=RotaryPositions())},
    "relative": {"cross_attention": MultiHeadAttention(D, 2, scorer=RelativeScorer(D))},
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("crossing", CROSSING)
def test_padding_before_source_or_target_moves_no_token_of_either(crossing, vectors):
    stack = Decoder(2, D, 2, 12, dropout=0.0, **CROSSING[crossing])
    x, source = vectors(1, 4, D), vectors(1, 3, D, seed=1)
    prefix = {"prefix_lengths": np.array([2])}
    expected = stack(x, source, cross_context=prefix)
    found = stack(
        np.pad(x, ((0, 0), (2, 0), (0, 0)), constant_values=5),
        np.pad(source, ((0, 0), (1, 0), (0, 0)), constant_values=7),
        padding_mask=np.arange(6)[None] >= 2,
        encoder_padding_mask=np.arange(4)[None] >= 1,
        cross_context=prefix,
    )
    np.testing.assert_allclose(found[:, 2:], expected, atol=1e-5)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("beams", [1, 2])
@pytest.mark.parametrize("crossing", ["window", "rotary", "relative"])
def test_a_source_with_padding_before_it_is_decoded_as_it_is_scored(crossing, beams, monkeypatch):
    crossing = partial(Decoder, **CROSSING[crossing])
    monkeypatch.setattr("tftransformer.models.transformer.Decoder", crossing)
    model = Transformer(1, D, 2, 12, vocab_size=9)
    source, target = np.array([[0, 5, 6, 7], [8, 4, 3, 2]]), np.array([[2, 3, 4], [2, 5, 6]])
    expected = np.array(model({"source_ids": source, "target_ids": target}))
    step = model.start_decoding(source, cache_length=4, num_beams=beams)
    cache, target = step.cache, np.repeat(target, beams, 0)
    for position in range(3):
        logits, cache = step(target[:, position : position + 1], cache, position)
        np.testing.assert_allclose(logits, np.repeat(expected, beams, 0)[:, position], atol=1e-4)


def test_a_bias_is_added_in_the_query_stream_as_in_the_content_stream(vectors):
    embeddings = TokenEmbeddings(9, D)
    stack = TwoStreamEncoder(
        2, D, 2, 12, dropout=0.0, position_bias=BucketedBias(2, 8, 16), embeddings=embeddings
    )
    ids = np.full((1, 4), 3)
    stack(ids)
    stack.position_bias.table.assign(vectors(8, 2))
    stack.target.assign(embeddings(ids)[0, 0])
    # A target that starts as its token and sees what it sees ends as it.
    targets = stack(ids, target_mapping=np.eye(4, dtype="float32")[None])
    np.testing.assert_allclose(targets, stack(ids), atol=1e-5)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("filled", [0, 1, 3])
def test_a_cache_knows_how_much_of_the_memory_is_filled(filled, vectors):
    stack = RecurrentEncoder(2, D, 2, 12, dropout=0.0)
    x, memory = vectors(1, 4, D), [vectors(1, 3, D, seed=seed) for seed in (1, 2)]
    given = {"context": {"memory_lengths": np.array([filled], "int32")}}
    expected, found = stack(x, memory=memory, **given), []
    cache = stack.memory_cache(memory, length=7)
    for column in range(4):
        slots = [LayerState(KeyValueCache(**own, position=3 + column)) for own in cache]
        state = StackState(slots, position=3 + column, length=7, memory=3)
        found.append(stack(x[:, column : column + 1], state=state, **given))
        caches = [slot.self_attention for slot in state.layers]
        cache = [{"key": own.key, "value": own.value} for own in caches]
    np.testing.assert_allclose(np.concatenate(found, 1), expected, atol=1e-5)
