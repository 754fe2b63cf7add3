"""Content and distance apart, as a loop over all pairs has it; a convolution beside a layer."""

import numpy as np
import pytest

from tftransformer.core import copy_of
from tftransformer.layers import (
    Convolution,
    ConvolvedLayer,
    DisentangledAttention,
    EncoderLayer,
    KeyValueCache,
    LayerState,
    StackState,
)
from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.positions import DistanceVectors, RotaryPositions
from tftransformer.stacks import Encoder

D, HEADS, WIDTH, REACH = 8, 2, 4, 3
OPTIONS = {
    "shared": {},
    "apart": {"shared": False},
    "apart, without a bias": {"shared": False, "distance_bias": False, "key_bias": False},
    "distances looked for": {"terms": ["c2p"]},
    "distances that look": {"terms": ["p2c"], "shared": False},
}
SITUATIONS = {"a text": (6, 6, 0), "a step": (1, 5, 4), "a few tokens": (2, 5, 3), "one": (1, 1, 0)}


def filled(layer, vectors):
    for seed, weight in enumerate(layer.trainable_weights):
        weight.assign(vectors(*weight.shape, seed=seed) * 0.5)
    return layer


def brute_force(layer, x, value, distances, first):
    """He et al. 2021, eq. 4, pair by pair."""

    def projected(projection, rows):
        return np.array(projection(rows)).reshape(len(rows), HEADS, WIDTH)

    table = np.array(distances.table)
    query, key, values = (
        projected(own, rows)
        for own, rows in ((layer.query, x), (layer.key, value), (layer.value, value))
    )
    scores = np.zeros((HEADS, len(x), len(value)))
    for h, i, j in np.ndindex(*scores.shape):
        row = np.clip(first + i - j + REACH, 0, 2 * REACH - 1)
        score = query[i, h] @ key[j, h]
        if "c2p" in layer.terms:
            score += query[i, h] @ projected(layer.distance_key or layer.key, table)[row, h]
        if "p2c" in layer.terms:
            score += key[j, h] @ projected(layer.distance_query or layer.query, table)[row, h]
        scores[h, i, j] = score / (WIDTH * (1 + len(layer.terms))) ** 0.5
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    seen = np.einsum("hij,jhw->ihw", weights, values).reshape(len(x), D)
    return layer.output_projection(seen)


@pytest.mark.slow_after(4)
@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("options", OPTIONS)
def test_pair_by_pair(options, situation, vectors):
    queries, keys, first = SITUATIONS[situation]
    layer = DisentangledAttention(D, HEADS, **OPTIONS[options])
    layer.build((None, None, D))
    filled(layer, vectors)
    distances = DistanceVectors(D, REACH)
    found = distances(np.arange(queries) + first, np.arange(keys))
    x, value = vectors(2, queries, D, seed=31), vectors(2, keys, D, seed=32)
    seen = layer(x, value, context={"distance_vectors": found})
    for row in range(2):
        expected = brute_force(layer, x[row], value[row], distances, first)
        np.testing.assert_allclose(seen[row], expected, atol=1e-4)
    again = copy_of(layer)
    again.build((None, None, D))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x, value, context={"distance_vectors": found}), seen)


def test_steps_with_a_cache_equal_the_whole_text(vectors):
    stack = Encoder(
        2,
        D,
        HEADS,
        12,
        mask=CausalMask() & PaddingMask(),
        attention=DisentangledAttention(D, HEADS, shared=False),
        distances=DistanceVectors(D, 2),
        dropout=0.0,
    )
    x = vectors(2, 5, D)
    stack.build(x.shape)
    filled(stack, vectors)
    expected, cache, found = np.array(stack(x)), stack.empty_cache(2, 5), []
    for column in range(5):
        slots = [LayerState(KeyValueCache(**own, position=column)) for own in cache]
        state = StackState(slots, position=column, length=5)
        found.append(stack(x[:, column : column + 1], state=state))
        caches = [slot.self_attention for slot in state.layers]
        cache = [{"key": own.key, "value": own.value} for own in caches]
    np.testing.assert_allclose(np.concatenate(found, 1), expected, atol=1e-4)


def test_vectors_of_distances_are_dropped_out_while_training(vectors):
    layer = DisentangledAttention(D, HEADS, distance_dropout=0.5)
    layer.build((None, None, D))
    context = {"distance_vectors": vectors(8, D)}
    at_rest, again, trained = (
        np.array(layer.scored(context, training)["distance_keys"])
        for training in (False, False, True)
    )
    np.testing.assert_array_equal(at_rest, again)
    assert np.abs(at_rest - trained).max() > 0.01


def test_what_does_not_go_together_is_refused(vectors):
    with pytest.raises(ValueError, match="terms are some of"):
        DisentangledAttention(D, HEADS, terms=["p2p"])
    with pytest.raises(ValueError, match="does not go with DisentangledScorer"):
        DisentangledAttention(D, HEADS, rotary=RotaryPositions())
    with pytest.raises(ValueError, match=r"Encoder\(distances=DistanceVectors"):
        Encoder(1, D, HEADS, 12, attention=DisentangledAttention(D, HEADS))(vectors(1, 3, D))
    with pytest.raises(TypeError, match="distances is the class DistanceVectors"):
        Encoder(1, D, HEADS, 12, distances=DistanceVectors)


def test_a_layer_and_the_convolution_beside_it_are_added_and_normalised(vectors):
    x, real = vectors(2, 5, D), np.array([[True] * 5, [True, True, True, False, False]])
    convolution = Convolution(D, 1, activation="tanh", dropout=0.1)
    layer = ConvolvedLayer(D, HEADS, 12, convolution=convolution, dropout=0.0, epsilon=1e-5)
    layer.build(x.shape)
    filled(layer, vectors)
    plain = EncoderLayer(D, HEADS, 12, dropout=0.0, epsilon=1e-5)
    plain.build(x.shape)
    names = {weight.path.split("/", 1)[1]: weight for weight in layer.weights}
    for weight in plain.weights:
        weight.assign(names[weight.path.split("/", 1)[1]])
    context = {"padding_mask": real}
    total = np.array(plain(x)) + np.array(layer.convolution(x, context=context))
    total = (total - total.mean(-1, keepdims=True)) / np.sqrt(total.var(-1, keepdims=True) + 1e-5)
    norm = layer.convolution_residual.norm
    expected = total * np.array(norm.gamma) + np.array(norm.beta)
    np.testing.assert_allclose(layer(x, context=context), expected, atol=1e-4)
    with pytest.raises(ValueError, match="on either side, which a cache does not hold"):
        layer.check_cacheable()
    bare = ConvolvedLayer(D, HEADS, 12)
    bare.build(x.shape)
    assert len(bare.weights) == len(plain.weights)
    bare.check_cacheable()
