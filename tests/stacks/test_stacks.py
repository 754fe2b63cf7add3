"""Stacks: who influences whom, padding, caches, implicit Keras masks."""

import keras
import numpy as np
import pytest
from keras import ops

from tftransformer.layers import (
    KeyValueCache,
    LayerState,
    MultiHeadAttention,
    StackState,
    TokenEmbeddings,
)
from tftransformer.masks import (
    CausalMask,
    DocumentMask,
    PaddingMask,
    PermutationMask,
    PrefixMask,
    SlidingWindowMask,
    TensorMask,
)
from tftransformer.positions import LearnedPositions, RotaryPositions, SinusoidalPositions
from tftransformer.stacks import Decoder, Encoder

D, LENGTH = 8, 6
PADDING = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1]], bool)
CONTEXT = {
    "prefix_lengths": np.array([3, 0], "int32"),
    "query_documents": np.array([[0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1]], "int32"),
    "key_documents": np.array([[0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1]], "int32"),
    "permutation": np.array([[3, 0, 4, 1, 5, 2], [0, 5, 1, 2, 4, 3]], "int32"),
    "attention_mask": np.random.default_rng(4).random((2, LENGTH, LENGTH)) < 0.3,
}
MASKS = [
    PaddingMask(),
    CausalMask() & PaddingMask(),
    (CausalMask() | PrefixMask()) & PaddingMask(),
    SlidingWindowMask(1, after=1) & ~TensorMask(),
    CausalMask() & DocumentMask(),
    PermutationMask("query") & PaddingMask(),
    TensorMask(),
]


def visible(mask):
    """bool (batch, queries, keys) of a mask over the fixed context."""
    # Tokens are numbered from the first real one, which the second row has in its column 1.
    numbers = np.arange(LENGTH) - np.array([[0], [1]])
    context = {
        "query_positions": numbers,
        "key_positions": numbers,
        "padding_mask": PADDING,
        **CONTEXT,
    }
    return np.broadcast_to(np.array(mask(context)), (2, 1, LENGTH, LENGTH))[:, 0]


def reachable(mask, layers):
    """Who influences whom through so many layers: each sees itself (residual) and its keys."""
    one = visible(mask) | np.eye(LENGTH, dtype=bool)
    result = one
    for _ in range(layers - 1):
        result = (result.astype(int) @ one.astype(int)) > 0
    return result


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("mask", MASKS, ids=repr)
def test_output_moves_exactly_where_the_mask_allows(vectors, pull, mask, layers):
    """Change input j: output i moves if and only if i may see j, and the gradient agrees."""
    stack = Encoder(layers, D, 2, 12, mask=mask, dropout=0.0)
    x, given = vectors(2, LENGTH, D), {"padding_mask": PADDING, "context": CONTEXT}
    expected = reachable(mask, layers)
    # One batch holds every perturbation: row (b, j) is row b with token j changed.
    rows = np.repeat(x, LENGTH + 1, axis=0).reshape(2, LENGTH + 1, LENGTH, D)
    for j in range(LENGTH):
        rows[:, j + 1, j] += vectors(D, seed=9)
    repeated = {
        name: np.repeat(entry, LENGTH + 1, axis=0) if len(entry) == 2 else entry
        for name, entry in CONTEXT.items()
    }
    padding = np.repeat(PADDING, LENGTH + 1, axis=0)
    output = stack(rows.reshape(-1, LENGTH, D), padding_mask=padding, context=repeated)
    output = np.array(output).reshape(2, LENGTH + 1, LENGTH, D)
    moved = np.abs(output[:, 1:] - output[:, :1]).max(-1)  # (batch, j, i)
    # Where nothing may move, only the rounding of matrix products of another size is left.
    np.testing.assert_array_equal(np.swapaxes(moved, 1, 2) > 2e-6, expected)
    weights = vectors(2, D, seed=5)[:, None]
    for i in range(LENGTH):
        (gradient,) = pull(lambda x, i=i: ops.sum(stack(x, **given)[:, i : i + 1] * weights), x)
        np.testing.assert_array_equal(np.abs(gradient).max(-1) > 0, expected[:, i])


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_decoder_moves_exactly_where_both_masks_allow(vectors, norm):
    stack = Decoder(
        1, D, 2, 12, cross_mask=PaddingMask() & SlidingWindowMask(1), dropout=0.0, norm=norm
    )
    x, memory = vectors(2, 4, D), vectors(2, LENGTH, D, seed=1)
    given = {"padding_mask": PADDING[:, :4], "encoder_padding_mask": PADDING}
    plain = np.array(stack(x, memory, **given))
    for j in range(LENGTH):
        changed = memory.copy()
        changed[:, j] += 1.0 * vectors(D, seed=3)
        moved = np.abs(stack(x, changed, **given) - plain).max(-1)
        sees = [[PADDING[row, j] and i - 1 <= j <= i for i in range(4)] for row in range(2)]
        np.testing.assert_array_equal(moved > 2e-6, sees)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("mask", [PaddingMask(), CausalMask() & PaddingMask()], ids=repr)
def test_padding_changes_no_real_token(vectors, mask):
    """A row alone equals the row in a batch, with padding of any content on any side."""
    stack = Encoder(2, D, 2, 12, mask=mask, dropout=0.0, rotary=RotaryPositions())
    x = vectors(1, 4, D)
    alone = np.array(stack(x))
    for left, right in ((0, 2), (2, 0), (1, 3)):
        batch = 5 * vectors(3, left + 4 + right, D, seed=left)
        batch[1, left : left + 4] = x[0]
        padding = np.zeros(batch.shape[:2], bool)
        padding[1, left : left + 4] = True
        padding[0, :2] = True
        output = np.array(stack(batch, padding_mask=padding))
        np.testing.assert_allclose(output[1, left : left + 4], alone[0], atol=1e-5)
        assert np.all(np.isfinite(output))


POSITIONS = {
    "sinusoidal": lambda: {"position": SinusoidalPositions(D)},
    "learned": lambda: {"position": LearnedPositions(D, 12)},
    "rotary": dict,
}


def language_model(mask, position="sinusoidal", **options):
    embeddings = TokenEmbeddings(20, D, pad_id=None, **POSITIONS[position]())
    rotary = RotaryPositions() if position == "rotary" else None
    return Encoder(2, D, 2, 12, mask=mask, embeddings=embeddings, rotary=rotary, **options)


def run_cached(stack, ids, chunks, length, context=None):
    """Runs the ids through caches, some tokens at a time."""
    buffers = [[ops.zeros((len(ids), 2, length, D // 2)) for _ in range(2)] for _ in stack.layers]
    outputs, position = [], 0
    for chunk in chunks:
        states = [LayerState(KeyValueCache(*pair, position=position)) for pair in buffers]
        state = StackState(states, position=position, length=length)
        part = ids[:, position : position + chunk]
        outputs.append(np.array(stack(part, context=context, state=state)))
        caches = [layer.self_attention for layer in state.layers]
        buffers = [[cache.key, cache.value] for cache in caches]
        assert len(state.hidden_states) == len(stack.layers) + 1
        position += chunk
    return np.concatenate(outputs, axis=1)


@pytest.mark.slow
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_cached_language_model_is_the_uncached_one(position, norm):
    stack = language_model(CausalMask() & PaddingMask(), position, norm=norm)
    ids = np.random.default_rng(0).integers(1, 20, (3, 7)).astype("int32")
    expected = np.array(stack(ids))
    for chunks in ([1] * 7, [3, 1, 2, 1], [7]):
        result = run_cached(stack, ids, chunks, length=9)
        np.testing.assert_allclose(result, expected, atol=2e-5)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("mask", "chunks"),
    [
        (CausalMask() & SlidingWindowMask(2), [1] * 7),
        ((CausalMask() | PrefixMask()) & PaddingMask(), [4, 1, 2]),
    ],
    ids=repr,
)
def test_a_cache_under_another_mask(mask, chunks):
    stack = language_model(mask)
    ids = np.random.default_rng(0).integers(1, 20, (2, 7)).astype("int32")
    context = {"prefix_lengths": np.array([4, 2], "int32")}
    expected = np.array(stack(ids, context=context))
    result = run_cached(stack, ids, chunks, length=8, context=context)
    np.testing.assert_allclose(result, expected, atol=2e-5)


def test_a_cache_with_a_left_padded_prompt():
    """The padding mask of a cached call covers all keys; positions come from the caller."""
    stack = language_model(CausalMask() & PaddingMask(), "learned")
    ids = np.random.default_rng(0).integers(1, 20, (1, 5)).astype("int32")
    expected = np.array(stack(ids))[:, -1]
    padded = np.concatenate([np.full((1, 3), 7), ids], axis=1).astype("int32")
    padding = np.arange(8)[None] >= 3
    place = np.maximum(np.arange(8) - 3, 0)[None].astype("int32")
    for known in (8, 6):
        buffers = [[ops.zeros((1, 2, 8, D // 2)) for _ in range(2)] for _ in stack.layers]
        for start, end in ((0, known), (known, 8)):
            if start == end:
                continue
            states = [LayerState(KeyValueCache(*pair, position=start)) for pair in buffers]
            state = StackState(states, position=start, length=8)
            output = stack(
                padded[:, start:end],
                padding_mask=padding,
                context={"position_ids": place[:, start:end]},
                state=state,
            )
            caches = [layer.self_attention for layer in state.layers]
            buffers = [[cache.key, cache.value] for cache in caches]
        np.testing.assert_allclose(np.array(output)[:, -1], expected, atol=2e-5)


IDS = np.array([[4, 5, 6, 0, 0], [7, 8, 9, 3, 0]], "int32")


@pytest.mark.slow
def test_ids_carry_their_padding_through_models():
    """TokenEmbeddings outside or inside the stack, functional, reused or nested: the same."""
    embeddings = TokenEmbeddings(10, D)
    inside = Encoder(1, D, 2, 12, embeddings=embeddings, dropout=0.0)
    expected = np.array(inside(IDS))
    padding = IDS != 0
    explicit = inside(IDS, padding_mask=padding)
    np.testing.assert_array_equal(explicit, expected)
    np.testing.assert_array_equal(explicit._keras_mask, padding)

    outside = Encoder(1, D, 2, 12, dropout=0.0)
    outside.build((None, None, D))
    outside.set_weights([w.value for layer in inside.layers for w in layer.weights])
    vectors = embeddings(IDS)
    np.testing.assert_allclose(outside(vectors), expected, atol=1e-6)
    np.testing.assert_array_equal(outside(vectors)._keras_mask, padding)
    # What is given explicitly wins over what the tensor carries.
    everything = outside(vectors, padding_mask=np.ones_like(padding))
    assert np.abs(everything - expected).max() > 1e-3

    symbol = keras.Input((None,), dtype="int32")
    inner = keras.Model(symbol, outside(embeddings(symbol)))
    np.testing.assert_allclose(inner(IDS), expected, atol=1e-6)
    again = keras.Input((None,), dtype="int32")
    outer = keras.Model(again, inner(again))
    np.testing.assert_allclose(outer.predict(IDS, verbose=0), expected, atol=1e-5)


def test_layers_alone_take_the_implicit_mask():
    """Behind Keras's own Embedding(mask_zero=True), in a Sequential, padding is not seen."""
    from tftransformer.layers import DecoderLayer, EncoderLayer

    layer = EncoderLayer(D, 2, 12, dropout=0.0, norm="pre")
    model = keras.Sequential([keras.layers.Embedding(10, D, mask_zero=True), layer])
    output = np.array(model(IDS))
    vectors = model.layers[0](IDS)
    given = layer(np.array(vectors), attention_mask=(IDS != 0)[:, None, None])
    np.testing.assert_allclose(output, given, atol=1e-6)
    cross = DecoderLayer(D, 2, 12, dropout=0.0)
    plain = np.array(vectors)[:, :3]
    implicit = cross(plain, vectors)
    explicit = cross(plain, np.array(vectors), cross_attention_mask=(IDS != 0)[:, None, None])
    np.testing.assert_allclose(implicit, explicit, atol=1e-6)


def test_a_decoder_takes_the_mask_that_the_encoder_output_carries():
    encoder = Encoder(1, D, 2, 12, embeddings=TokenEmbeddings(10, D), dropout=0.0)
    decoder = Decoder(1, D, 2, 12, embeddings=TokenEmbeddings(10, D), dropout=0.0)
    memory = encoder(IDS)
    implicit = decoder(IDS[:, :3], memory)
    explicit = decoder(IDS[:, :3], np.array(memory), encoder_padding_mask=IDS != 0)
    np.testing.assert_allclose(implicit, explicit, atol=1e-6)
    with pytest.raises(ValueError, match="encoder_output"):
        decoder(IDS[:, :3])


@pytest.mark.slow
def test_keras_attention_in_a_stack_sees_what_ours_sees():
    """With the same weights, Keras's MultiHeadAttention under our mask gives our numbers."""
    ours = Encoder(
        2,
        D,
        2,
        12,
        mask=CausalMask() & PaddingMask(),
        dropout=0.0,
        embeddings=TokenEmbeddings(10, D),
    )
    keras_attention = keras.layers.MultiHeadAttention(2, D // 2)
    theirs = Encoder(
        2,
        D,
        2,
        12,
        mask=CausalMask() & PaddingMask(),
        dropout=0.0,
        embeddings=TokenEmbeddings(10, D),
        attention=keras_attention,
    )
    expected = ours(IDS)
    theirs(IDS)
    assert theirs.layers[0].attention is not theirs.layers[1].attention
    theirs.embeddings.set_weights(ours.embeddings.get_weights())
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        a = one.attention
        split = lambda x: np.reshape(x, (*x.shape[:-1], 2, D // 2))  # noqa: E731
        weights = []
        for dense in (a.query, a.key, a.value):
            weights += [split(np.array(dense.kernel)), split(np.array(dense.bias))]
        out = np.array(a.output_projection.kernel).reshape(2, D // 2, D)
        other.attention.set_weights([*weights, out, np.array(a.output_projection.bias)])
        for name in ("attention_residual", "feed_forward", "feed_forward_residual"):
            getattr(other, name).set_weights(getattr(one, name).get_weights())
    real = IDS != 0
    np.testing.assert_allclose(np.array(theirs(IDS))[real], np.array(expected)[real], atol=1e-5)


@pytest.mark.slow
def test_encoder_contract(layer_contract, vectors):
    def make(**given):
        return Encoder(2, D, 2, 12, mask=CausalMask() & PaddingMask(), norm="pre", **given)

    attention, net, norm = 4 * (D * D + D), 2 * D * 12 + D + 12, 2 * D
    parameters = 2 * (attention + net + 2 * norm) + norm
    layer_contract(make, vectors(2, 4, D), parameters=parameters, without_gradient=["key/bias"])


@pytest.mark.slow
def test_decoder_contract(layer_contract, vectors):
    def make(**given):
        embeddings = TokenEmbeddings(10, D, dtype=given.get("dtype"))
        return Decoder(1, D, 2, 12, embeddings=embeddings, final_norm=True, **given)

    attention, net, norm = 4 * (D * D + D), 2 * D * 12 + D + 12, 2 * D
    parameters = 10 * D + 2 * attention + net + 4 * norm
    layer_contract(
        make, IDS, vectors(2, 3, D), parameters=parameters, without_gradient=["key/bias"]
    )


def test_a_stack_in_a_functional_model_reads_a_context(vectors):
    stack = Encoder(1, D, 2, 12, mask=CausalMask() | PrefixMask(), dropout=0.0)
    x, lengths = keras.Input((None, D)), keras.Input((), dtype="int32")
    model = keras.Model([x, lengths], stack(x, context={"prefix_lengths": lengths}))
    values, prefix = vectors(2, 5, D), np.array([3, 0], "int32")
    expected = stack(values, context={"prefix_lengths": prefix})
    np.testing.assert_allclose(model([values, prefix]), expected, atol=1e-6)
    assert np.abs(model([values, 0 * prefix]) - expected).max() > 1e-3


def test_a_subclass_builds_its_layers_another_way():
    @keras.saving.register_keras_serializable("tests")
    class Growing(Encoder):
        def make_layer(self, index, d_model, num_heads, dff, **options):
            return super().make_layer(index, d_model, num_heads, dff * (index + 1), **options)

    stack = Growing(2, D, 2, 12)
    stack.build((None, None, D))
    assert [layer.feed_forward.dff for layer in stack.layers] == [12, 24]
    assert Growing.from_config(stack.get_config()).layers[1].feed_forward.dff == 24


def test_a_list_of_layers_has_one_for_each():
    ready = [MultiHeadAttention(8, 2) for _ in range(3)]
    with pytest.raises(ValueError, match="attention lists 3 layers for 2"):
        Encoder(2, 8, 2, 12, attention=ready)


def test_a_stack_of_no_layers_is_its_embeddings():
    embeddings = TokenEmbeddings(9, D, position=LearnedPositions(D, LENGTH))
    stack = Encoder(0, D, 2, 12, embeddings=embeddings)
    ids = np.array([[4, 5, 6, 0]], "int32")
    np.testing.assert_array_equal(stack(ids), embeddings(ids))
    assert stack.final_norm is None
    assert Encoder.from_config(stack.get_config()).get_config() == stack.get_config()
    normed = Encoder(0, D, 2, 12, embeddings=embeddings, final_norm=True)
    np.testing.assert_allclose(np.mean(normed(ids), axis=-1), 0, atol=1e-6)
    with pytest.raises(ValueError, match="num_layers=-1 was given; expected an int ≥ 0"):
        Encoder(-1, D, 2, 12)
