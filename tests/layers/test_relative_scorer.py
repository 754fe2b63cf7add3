"""Scores by content and distance equal a loop over all pairs, wherever memory or caches lie."""

import numpy as np
import pytest
from keras import ops

from tftransformer.layers import MultiHeadAttention, RelativeScorer
from tftransformer.layers.relative_scorer import shift_to_keys
from tftransformer.masks import CausalMask, MemoryMask, PrefixMask
from tftransformer.stacks import Encoder

D, HEADS, WIDTH = 8, 2, 3
SITUATIONS = {
    "a segment": (range(4), range(4)),
    "memory before it": (range(4), range(-3, 4)),
    "a step with a cache": ([3], range(6)),
    "several tokens with a cache": ([2, 3], range(6)),
    "one token": ([0], [0]),
    "a target behind all keys": ([4], range(-2, 4)),
}
OPTIONS = {
    "plain": {},
    "clamped": {"clamp": 2},
    "segments": {"segments": True},
    "past alone": {"future": False, "clamp": 3},
}


def brute_force(scorer, query, key, context):
    """Dai et al. 2019, §3.3, and Yang et al. 2019, §2.5, pair by pair."""
    u, v, w = (np.array(x) for x in (scorer.content_bias, scorer.position_bias, scorer.position))
    scores = np.zeros((*query.shape[:3], key.shape[2]))
    frequencies = 10000.0 ** (-np.arange(0, D, 2) / D)
    for b, h, i, j in np.ndindex(*scores.shape):
        distance = context["query_positions"][i] - context["key_positions"][j]
        if scorer.clamp:
            distance = max(min(distance, scorer.clamp), -scorer.clamp)
        encoding = np.concatenate([np.sin(distance * frequencies), np.cos(distance * frequencies)])
        projected = (encoding @ w).reshape(HEADS, WIDTH)[h]
        score = (query[b, h, i] + u[h]) @ key[b, h, j] + (query[b, h, i] + v[h]) @ projected
        if scorer.segments:
            s, e = np.array(scorer.segment_bias), np.array(scorer.segment)
            other = context["query_segments"][b, i] != context["key_segments"][b, j]
            score += (query[b, h, i] + s[h]) @ e[int(other), h]
        scores[b, h, i, j] = score / WIDTH**0.5
    return scores


@pytest.mark.slow_after(7)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_pair_by_pair(situation, options, vectors):
    queries, keys = (np.array(list(x)) for x in SITUATIONS[situation])
    random = np.random.default_rng(1)
    context = {
        "query_positions": queries,
        "key_positions": keys,
        "query_segments": random.integers(0, 2, (2, len(queries))),
        "key_segments": random.integers(0, 2, (2, len(keys))),
    }
    query = vectors(2, HEADS, len(queries), WIDTH)
    key = vectors(2, HEADS, len(keys), WIDTH, seed=1)
    scorer = RelativeScorer(D, **OPTIONS[options])
    scores = np.array(scorer(query, key, context=context))
    expected = brute_force(scorer, query, key, context)
    if not scorer.future:  # what lies ahead has no meaning, and is hidden by a mask
        ahead = keys[None, :] > queries[:, None]
        scores[..., ahead] = expected[..., ahead] = 0
    np.testing.assert_allclose(scores, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("queries", "keys", "columns"), [(4, 4, 8), (4, 7, 11), (3, 5, 6), (1, 4, 5)]
)
def test_shifting_equals_gathering_by_distance(queries, keys, columns, vectors):
    scores = vectors(2, HEADS, queries, columns)
    rows, places = np.arange(queries)[:, None], np.arange(keys)[None, :]
    columns_of = queries - 1 - rows + places
    known = columns_of < columns
    gathered = scores[:, :, rows, np.minimum(columns_of, columns - 1)]
    shifted = np.array(shift_to_keys(ops.convert_to_tensor(scores), keys))
    np.testing.assert_array_equal(shifted[..., known], gathered[..., known])


def test_without_segments_in_the_context_their_term_is_left_out(vectors):
    query = vectors(1, HEADS, 3, WIDTH)
    scorer = RelativeScorer(D, segments=True)
    without = np.array(scorer(query, query))
    scorer.segment.assign(np.ones(scorer.segment.shape))
    np.testing.assert_array_equal(scorer(query, query), without)


@pytest.mark.slow
def test_contract(layer_contract, vectors):
    def make(**given):
        scorer = RelativeScorer(D, clamp=2, **given)
        return MultiHeadAttention(D, HEADS, use_bias=False, scorer=scorer, **given)

    layer_contract(make, vectors(2, 4, D), parameters=5 * D * D + 2 * D)


def test_a_mask_that_shows_what_is_not_scored_is_refused():
    scorer = RelativeScorer(D, future=False)
    attention = MultiHeadAttention(D, HEADS, scorer=scorer)
    Encoder(1, D, HEADS, D, attention=attention, mask=CausalMask() & MemoryMask())
    with pytest.raises(ValueError, match="future=True"):
        Encoder(1, D, HEADS, D, attention=attention, mask=CausalMask() | PrefixMask())


def test_a_clamp_of_nothing():
    with pytest.raises(ValueError, match="clamp is a distance of 1 or more"):
        RelativeScorer(D, clamp=0)
