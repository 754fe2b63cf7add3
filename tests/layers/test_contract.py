"""Every layer of the floor keeps the contract of a Keras layer."""

import keras
import numpy as np
import pytest

from tftransformer.core import Layer
from tftransformer.layers import (
    AdaptiveEmbedding,
    Convolution,
    DecoderLayer,
    DotProductScorer,
    EncoderLayer,
    FeedForward,
    MultiHeadAttention,
    ParallelLayer,
    Residual,
    TokenEmbeddings,
    make_norm,
)
from tftransformer.positions import LearnedPositions, RotaryPositions, SinusoidalPositions

D, HEADS, DFF = 8, 2, 12
ATTENTION = 4 * (D * D + D)
FEED_FORWARD = 2 * D * DFF + D + DFF
NORM = 2 * D
IDS = np.array([[4, 5, 6, 0], [7, 8, 0, 0]], "int32")
# Adding the same number to all scores of a query changes nothing: softmax(x + c) = softmax(x).
KEY_BIAS = ("key/bias",)


def test_feed_forward(layer_contract, vectors):
    make = lambda **given: FeedForward(D, DFF, activation="gelu_tanh", **given)  # noqa: E731
    layer_contract(make, vectors(2, 4, D), parameters=FEED_FORWARD)


def test_gated_feed_forward(layer_contract, vectors):
    def make(**given):
        return FeedForward(D, DFF, activation="silu", gated=True, use_bias=False, **given)

    layer_contract(make, vectors(2, 4, D), parameters=3 * D * DFF)


def test_dot_product_scorer(layer_contract, vectors):
    query, key = vectors(2, HEADS, 3, 4), vectors(2, HEADS, 5, 4, seed=1)
    layer_contract(DotProductScorer, query, key, parameters=0)


@pytest.mark.slow
def test_self_attention(layer_contract, vectors):
    def make(**given):
        return MultiHeadAttention(D, HEADS, **given)

    layer_contract(make, vectors(2, 4, D), parameters=ATTENTION, without_gradient=KEY_BIAS)


def test_attention_to_another_width_with_wide_heads(layer_contract, vectors):
    """Head width, query width and value width are independent of each other."""

    def make(**given):
        return MultiHeadAttention(D, HEADS, head_width=6, use_bias=False, **given)

    parameters = 10 * 12 + 2 * 6 * 12 + 12 * D
    layer_contract(make, vectors(2, 4, 10), vectors(2, 3, 6), parameters=parameters)


@pytest.mark.slow
def test_attention_with_rotary_positions_and_own_scorer(layer_contract, vectors):
    def make(**given):
        scorer, rotary = DotProductScorer(scale=0.5), RotaryPositions(layout="concatenated")
        return MultiHeadAttention(D, HEADS, scorer=scorer, rotary=rotary, **given)

    layer_contract(make, vectors(2, 4, D), parameters=ATTENTION, without_gradient=KEY_BIAS)


@keras.saving.register_keras_serializable("tests")
class Block(Layer):
    """A layer of a user's own: a feed-forward net in a residual connection."""

    def __init__(self, placement, normalization, **kwargs):
        super().__init__(**kwargs)
        self.net = FeedForward(D, DFF, dtype=self.dtype_policy, name="net")
        norm = make_norm(normalization, 1e-6, dtype=self.dtype_policy, name="norm")
        self.residual = Residual.at(
            placement, lambda _: norm, dtype=self.dtype_policy, name="residual"
        )

    def build(self, x_shape):
        self.net.build(x_shape)
        self.residual.build(x_shape)

    def call(self, x):
        return self.residual(x, sublayer=self.net)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("placement", ["pre", "post"])
@pytest.mark.parametrize(("normalization", "norm"), [("layer", 2 * D), ("rms", D)])
def test_residual(layer_contract, vectors, placement, normalization, norm):
    def make(**given):
        return Block(placement, normalization, **given)

    layer_contract(make, vectors(2, 4, D), parameters=FEED_FORWARD + norm)


def test_residual_config():
    layer = Residual(make_norm("rms", 1e-5, name="norm"), dropout=0.25)
    again = Residual.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.norm.epsilon == 1e-5
    assert again.dropout.rate == 0.25


@pytest.mark.parametrize(
    ("position", "parameters"),
    [
        (None, 0),
        (lambda: SinusoidalPositions(D), 0),
        (lambda: LearnedPositions(D, num_positions=9, offset=2), 11 * D),
    ],
)
def test_token_embeddings(layer_contract, position, parameters):
    def make(**given):
        return TokenEmbeddings(10, D, position=position and position(), **given)

    layer_contract(make, IDS, parameters=10 * D + parameters)


def injected_attention():
    return keras.layers.MultiHeadAttention(HEADS, D // HEADS)


def injected_net():
    return keras.Sequential([keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(D)])


OPTIONS = {
    "post": (dict, {}),
    "pre": (lambda: {"norm": "pre"}, {}),
    "rms": (lambda: {"norm": "pre", "normalization": "rms", "use_bias": False}, {"rms": True}),
    "attention": (lambda: {"attention": injected_attention()}, {}),
    "feed_forward": (lambda: {"feed_forward": injected_net()}, {"net": D * 5 + 5 + 5 * D + D}),
    "rotary": (lambda: {"rotary": RotaryPositions()}, {}),
}
SCALED = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("norms", [1, 2])
def test_parallel_layer(layer_contract, vectors, norms):
    def make(**given):
        residual = {"feed_forward_residual": Residual(**given)} if norms == 1 else {}
        return ParallelLayer(D, HEADS, DFF, normalization="shifted_rms", **residual, **given)

    parameters = ATTENTION + FEED_FORWARD + norms * D
    layer_contract(make, vectors(2, 4, D), parameters=parameters, without_gradient=KEY_BIAS)


def test_sublayers_side_by_side_read_the_input_and_have_one_sum(vectors):
    x = vectors(2, 4, D)
    layer = ParallelLayer(D, HEADS, DFF, dropout=0.0)
    seen = layer.attention(*[layer.attention_residual.norm(x)] * 2)
    made = layer.feed_forward(layer.feed_forward_residual.norm(x))
    np.testing.assert_allclose(layer(x), x + seen + made, atol=1e-5)
    with pytest.raises(ValueError, match="norm='pre'"):
        ParallelLayer(D, HEADS, DFF, norm="post")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"scaling": {"rope_type": "yarn", "factor": 2.0}}, r"rope_type='yarn'; only \['default'"),
        ({"scaling": {**SCALED, "factor": None}}, "factor=None was given"),
        ({"scaling": {"rope_type": "linear"}}, r"lacks \['factor'\]"),
    ],
)
def test_scalings_that_are_not_known_are_refused(given, said):
    with pytest.raises(ValueError, match=said):
        RotaryPositions(**given)


@pytest.mark.parametrize("layout", ["interleaved", "concatenated"])
def test_a_part_of_the_features_turns_by_scaled_frequencies(layout, vectors):
    width, base = 4, 50.0
    x = np.random.default_rng(0).normal(size=(1, 1, 5, 6)).astype("float32")
    turned = np.asarray(RotaryPositions(layout, base=base, width=width, scaling=SCALED)(x))
    w = base ** -(np.arange(0, width, 2) / width)
    turns = 16 * w / (2 * np.pi)  # in the length of the training: 2.5 and 0.4
    share = [(turns[0] - 1) / 3, 0.0]
    w = [s * one + (1 - s) * one / 8 for one, s in zip(w, share, strict=True)]
    angle = np.arange(5)[:, None] * np.array(w)
    pairs = x[..., :width].reshape(1, 1, 5, 2, 2)
    if layout == "concatenated":
        pairs = pairs.swapaxes(-1, -2)
    a, b = pairs[..., 0], pairs[..., 1]
    new = np.stack(
        [a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], -1
    )
    if layout == "concatenated":
        new = new.swapaxes(-1, -2)
    np.testing.assert_allclose(turned[..., :width], new.reshape(1, 1, 5, 4), atol=1e-5)
    np.testing.assert_array_equal(turned[..., width:], x[..., width:])


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", OPTIONS)
def test_encoder_layer(layer_contract, vectors, name):
    options, counts = OPTIONS[name]
    parameters = ATTENTION + counts.get("net", FEED_FORWARD) + 2 * NORM
    if counts.get("rms"):
        parameters = 4 * D * D + 2 * D * DFF + 2 * D

    def make(**given):
        return EncoderLayer(D, HEADS, DFF, **options(), **given)

    layer_contract(make, vectors(2, 4, D), parameters=parameters, without_gradient=KEY_BIAS)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", [*OPTIONS, "cross_attention"])
def test_decoder_layer(layer_contract, vectors, name):
    if name == "cross_attention":
        options, counts = lambda: {"cross_attention": injected_attention()}, {}
    else:
        options, counts = OPTIONS[name]
    parameters = 2 * ATTENTION + counts.get("net", FEED_FORWARD) + 3 * NORM
    if counts.get("rms"):
        parameters = 8 * D * D + 2 * D * DFF + 3 * D

    def make(**given):
        return DecoderLayer(D, HEADS, DFF, **options(), **given)

    inputs = vectors(2, 4, D), vectors(2, 3, D, seed=1)
    layer_contract(make, *inputs, parameters=parameters, without_gradient=KEY_BIAS)


@pytest.mark.parametrize(
    ("layer", "given"),
    [
        (TokenEmbeddings(10, D), {}),
        (TokenEmbeddings(10, D, table=AdaptiveEmbedding(10, D, cutoffs=(3,), shrink=2)), {}),
        (TokenEmbeddings(10, D, table=AdaptiveEmbedding(10, D)), {}),
        (TokenEmbeddings(10, D, position=LearnedPositions(D, 9)), {"positions": [[-1, 0, 1, 2]]}),
        (TokenEmbeddings(10, D, segments=2), {"segment_ids": [[-1, 0, 1, 1]]}),
    ],
)
def test_a_number_below_zero_is_as_wrong_as_one_too_large(layer, given):
    ids = np.array([[4, 5, 6, 9]], "int32")
    layer(ids)
    with pytest.raises(Exception, match="the table has the rows 0 to"):
        layer(ids if given else ids - 6, **{name: np.array(x) for name, x in given.items()})


def test_rotary_positions_are_no_vectors_to_add():
    with pytest.raises(TypeError, match="rotary=RotaryPositions"):
        TokenEmbeddings(10, D, position=RotaryPositions())


@pytest.mark.parametrize("position", [LearnedPositions(D, 9, dtype="float32"), None])
def test_a_position_layer_of_another_precision_fits(position):
    layer = TokenEmbeddings(10, D, position=position, dtype="mixed_bfloat16")
    assert layer(IDS).dtype == "bfloat16"


@pytest.mark.parametrize("neighbours", [1, 2])
def test_convolution(layer_contract, vectors, neighbours):
    def make(**given):
        return Convolution(D, neighbours, **given)

    layer_contract(make, vectors(2, 4, D), parameters=(2 * neighbours + 1) * D * D + D)
