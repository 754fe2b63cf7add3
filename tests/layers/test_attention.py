"""What attention layers are given: masks of each rank, nothing to attend to, shared keys."""

import keras
import numpy as np
import pytest

from tftransformer.core import Layer
from tftransformer.layers import (
    AttentionState,
    DecoderLayer,
    EncoderLayer,
    FixedKeyValue,
    KeyValueCache,
    LayerState,
    MultiHeadAttention,
    RelativeScorer,
    Residual,
    SoftmaxAttention,
    StackState,
    make_norm,
)
from tftransformer.masks import CausalMask, PaddingMask, SlidingWindowMask
from tftransformer.positions import RotaryPositions
from tftransformer.stacks import Encoder

BATCH, LENGTH, WIDTH, HEADS = 2, 3, 8, 2  # as many rows as heads: no shape tells them apart


def test_a_mask_of_rank_3_has_the_rows_first(vectors):
    layer, x = MultiHeadAttention(WIDTH, HEADS), vectors(BATCH, LENGTH, WIDTH)
    mask = np.zeros((BATCH, LENGTH, LENGTH), bool)
    mask[0, :, 0] = mask[1, :, 1:] = True
    expected = layer(x, attention_mask=mask[:, None])
    np.testing.assert_allclose(layer(x, attention_mask=mask), expected, atol=1e-6)
    by_head = layer(x, attention_mask=mask[None])
    assert np.abs(np.array(by_head) - np.array(expected)).max() > 1e-3


def test_a_mask_of_rank_2_is_the_same_for_all_rows(vectors):
    layer, x = MultiHeadAttention(WIDTH, HEADS), vectors(BATCH, LENGTH, WIDTH)
    mask = np.tril(np.ones((LENGTH, LENGTH), bool))
    expected = layer(x, attention_mask=mask[None, None])
    np.testing.assert_allclose(layer(x, attention_mask=mask), expected, atol=1e-6)


def test_a_mask_to_add_and_a_bias_of_rank_3_are_refused(vectors):
    layer, x = MultiHeadAttention(WIDTH, HEADS), vectors(BATCH, LENGTH, WIDTH)
    with pytest.raises(TypeError, match="attention_mask holds negative floats"):
        layer(x, attention_mask=np.full((LENGTH, LENGTH), -1e9, "float32"))
    with pytest.raises(ValueError, match=r"position_bias of shape \(2, 3, 3\)"):
        layer(x, position_bias=np.zeros((HEADS, LENGTH, LENGTH), "float32"))


@pytest.mark.parametrize("slot", [AttentionState, FixedKeyValue, lambda: None])
def test_a_decoder_layer_without_a_source_does_not_attend_to_itself(vectors, slot):
    layer, x = DecoderLayer(WIDTH, HEADS, 8), vectors(BATCH, LENGTH, WIDTH)
    slot = slot()
    state = slot and LayerState(cross_attention=slot)
    with pytest.raises(ValueError, match="nothing to attend to"):
        layer(x, state=state)


def test_rows_that_share_their_source_need_no_mask(vectors):
    layer, source = DecoderLayer(WIDTH, HEADS, 8), vectors(1, 4, WIDTH, seed=1)
    x = vectors(2, LENGTH, WIDTH)
    expected = layer(x, keras.ops.repeat(source, 2, axis=0))
    keys = layer.cross_attention.project_value(source)
    state = LayerState(cross_attention=FixedKeyValue(*keys, 2))
    np.testing.assert_allclose(layer(x, state=state), expected, atol=1e-5)


def plain(layer, x, mask, bias=0.0):
    """Attention with shared keys, norms and a cap, head by head in numpy."""
    x = x.astype("float64")
    project = lambda dense: x @ np.array(dense.kernel, "float64")  # noqa: E731
    q, k, v = (
        project(dense).reshape(*x.shape[:2], -1, layer.head_width)
        for dense in (layer.query, layer.key, layer.value)
    )
    if layer.query_norm is not None:
        q, k = (y / np.sqrt((y**2).mean(-1, keepdims=True) + 1e-6) for y in (q, k))
    seen = []
    for head in range(layer.num_heads):
        own = head * layer.num_key_value_heads // layer.num_heads
        scores = q[:, :, head] @ k[:, :, own].swapaxes(1, 2) / np.sqrt(layer.head_width)
        if layer.core.score_cap:
            scores = layer.core.score_cap * np.tanh(scores / layer.core.score_cap)
        weights = np.where(mask, np.exp(scores + bias), 0)
        weights /= np.maximum(weights.sum(-1, keepdims=True), 1e-30)
        seen.append(weights @ v[:, :, own])
    return np.concatenate(seen, -1) @ np.array(layer.output_projection.kernel, "float64")


@pytest.mark.parametrize("cap", [None, 0.5])
@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("shared", [1, 2, 4])
def test_shared_keys_norms_and_caps_equal_a_loop_over_heads(vectors, cap, normed, shared):
    def norm(name):
        return make_norm("rms", 1e-6, name=name) if normed else None

    layer = MultiHeadAttention(
        16,
        4,
        num_key_value_heads=shared,
        use_bias=False,
        core=SoftmaxAttention(score_cap=cap),
        query_norm=norm("query_norm"),
        key_norm=norm("key_norm"),
    )
    x, mask = vectors(2, 5, 16), np.tril(np.ones((5, 5), bool))
    mask[0] = False  # a query that sees nothing
    result = layer(x, attention_mask=mask)
    np.testing.assert_allclose(result, plain(layer, x, mask), atol=1e-5)


def test_a_scorer_of_its_own_sees_shared_keys_once_for_each_head(vectors):
    x = vectors(2, 5, 16)
    shared = MultiHeadAttention(16, 4, num_key_value_heads=2, scorer=RelativeScorer(16))
    shared.build(x.shape, x.shape)
    whole = MultiHeadAttention(16, 4, scorer=RelativeScorer(16))
    whole.build(x.shape, x.shape)

    def spread(w):
        return np.repeat(np.array(w).reshape(*w.shape[:-1], 2, 4), 2, axis=-2).reshape(
            *w.shape[:-1], 16
        )

    for name in ("query", "output_projection", "scorer"):
        getattr(whole, name).set_weights(getattr(shared, name).get_weights())
    for name in ("key", "value"):
        getattr(whole, name).set_weights([spread(w) for w in getattr(shared, name).get_weights()])
    np.testing.assert_allclose(shared(x), whole(x), atol=1e-5)


def test_heads_that_do_not_share_evenly_are_refused():
    with pytest.raises(ValueError, match="num_key_value_heads=3"):
        MultiHeadAttention(16, 4, num_key_value_heads=3)
    with pytest.raises(ValueError, match="core=SoftmaxAttention"):
        MultiHeadAttention(16, 4, dropout=0.1, core=SoftmaxAttention())


@keras.saving.register_keras_serializable("tests")
class Uniform(Layer):
    """A core of a user's own: the mean of what the mask shows. It keeps what it was told."""

    def build(self, query_shape, key_shape=None, value_shape=None):
        self.told = {}

    def call(
        self,
        query,
        key,
        value,
        mask=None,
        bias=None,
        context=None,
        expression=None,
        wants_weights=False,
        training=None,
    ):
        self.told = {"expression": expression, "wants_weights": wants_weights}
        weights = keras.ops.cast(mask, value.dtype)
        weights = weights / keras.ops.sum(weights, axis=-1, keepdims=True)
        return keras.ops.matmul(weights, value), weights if wants_weights else None


def test_a_core_of_ones_own_gets_the_mask_as_an_expression_too(vectors):
    attention = MultiHeadAttention(WIDTH, HEADS, core=Uniform())
    mask = CausalMask() & PaddingMask()
    stack = Encoder(1, WIDTH, HEADS, 8, attention=attention, mask=mask, dropout=0.0)
    x = vectors(BATCH, LENGTH, WIDTH)
    stack(x)
    core = stack.layers[0].attention.core
    assert core.told["expression"] == mask
    assert core.told["expression"].reach(1, 2) == (None, 2)
    assert core.told["wants_weights"] is False
    state = StackState([LayerState()])
    stack(x, state=state)
    weights = np.array(state.layers[0].self_attention.weights)
    np.testing.assert_allclose(weights[0, 0], [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3], atol=1e-6)


def cached(stack, x):
    """The output of one step for each position, with a cache."""
    cache, rows = stack.empty_cache(len(x), x.shape[1]), []
    for t in range(x.shape[1]):
        slots = [LayerState(KeyValueCache(**own, position=t)) for own in cache]
        state = StackState(slots, position=t, length=x.shape[1])
        rows.append(stack(x[:, t : t + 1], state=state))
        cache = [{"key": s.self_attention.key, "value": s.self_attention.value} for s in slots]
    return np.concatenate(rows, axis=1), cache


@pytest.mark.slow
def test_cached_equals_uncached_with_shared_keys_and_masks_by_layer(vectors):
    x = vectors(2, 6, 16)
    stack = Encoder(
        3,
        16,
        4,
        8,
        num_key_value_heads=2,
        mask=lambda n: CausalMask() if n == 1 else CausalMask() & SlidingWindowMask(1),
        norm="sandwich",
        normalization=make_norm("rms", 1e-5, name="given"),
        rotary=RotaryPositions(),
    )
    assert stack.masks[0] == stack.masks[2] != stack.masks[1]
    again = Encoder.from_config(stack.get_config())
    assert again.masks == stack.masks
    result, cache = cached(stack, x)
    np.testing.assert_allclose(result, stack(x), atol=1e-5)
    assert cache[0]["key"].shape == (2, 2, 6, 4)
    moved = x.copy()
    moved[:, 0] += 1
    reached = np.abs(np.array(stack(moved)) - np.array(stack(x))).max(-1).max(0) > 1e-6
    assert reached.all()  # the one layer without a window carries it to the end


def test_norms_stand_in_the_slots_they_are_given(vectors):
    x = vectors(2, 3, WIDTH)
    norms = {name: make_norm("layer", 1e-6, name=name) for name in ("before", "inside", "after")}
    residual = Residual(**norms)
    result = residual(x, sublayer=lambda y: 2 * y)
    n = norms["before"]  # all three are the same while they are new
    np.testing.assert_allclose(result, n(x + n(2 * n(x))), atol=1e-5)
    layer = EncoderLayer(WIDTH, HEADS, 8, attention_residual=Residual(), norm="pre", dropout=0.0)
    plain = layer.attention(x)
    expected = layer.feed_forward_residual(x + plain, sublayer=layer.feed_forward)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@keras.saving.register_keras_serializable("tests")
class Shift(keras.layers.Layer):
    """A feed-forward net that looks along the sequence, and has no `build`."""

    def call(self, x):
        return keras.ops.roll(x, 1, axis=1)


@keras.saving.register_keras_serializable("tests")
class Double(keras.layers.Layer):
    mixes_positions = False

    def call(self, x):
        return 2 * x


@pytest.mark.slow
def test_a_layer_that_looks_along_the_sequence_is_not_cached(vectors):
    x = vectors(1, 4, WIDTH)
    for net in (Shift(), keras.layers.Conv1D(WIDTH, 3, padding="causal")):
        stack = Encoder(1, WIDTH, HEADS, 8, mask=CausalMask(), feed_forward=net)
        stack(x)
        with pytest.raises(ValueError, match="mixes_positions = False"):
            stack.empty_cache(1, 4)
    for net in (Double(), keras.Sequential([keras.layers.Dense(WIDTH), keras.layers.ReLU()])):
        stack = Encoder(1, WIDTH, HEADS, 8, mask=CausalMask(), feed_forward=net)
        np.testing.assert_allclose(cached(stack, x)[0], stack(x), atol=1e-5)


def test_keras_own_attention_is_refused_by_a_cache_in_words():
    attention = keras.layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
    stack = Encoder(1, WIDTH, HEADS, 8, mask=CausalMask(), attention=attention)
    with pytest.raises(ValueError, match="MultiHeadAttention keeps no keys and values"):
        stack.empty_cache(1, 4)


class Own(Encoder):
    """A stack whose layers are of another kind."""

    def make_layer(self, index, *sizes, **options):
        return Plain()


@keras.saving.register_keras_serializable("tests")
class Plain(keras.layers.Layer):
    def call(self, x, attention_mask=None):
        return x + keras.ops.mean(x, axis=1, keepdims=True)


def test_layers_of_ones_own_need_no_build(vectors):
    x = vectors(2, 3, WIDTH)
    once = x + x.mean(1, keepdims=True)
    twice = once + once.mean(1, keepdims=True)
    stack = Own(2, WIDTH, HEADS, 8)
    np.testing.assert_allclose(stack(x), twice, atol=1e-5)
    with pytest.raises(ValueError, match="knows no cache"):
        stack.empty_cache(1, 3)
