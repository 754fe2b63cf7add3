"""What a person hands in: layers without `build`, of other kinds, or one for each layer."""

import warnings

import keras
import numpy as np
import pytest
from keras import ops

from tftransformer.layers import MultiHeadAttention, TokenEmbeddings
from tftransformer.masks import CausalMask, Mask
from tftransformer.models import XLM, Bert, XLNet
from tftransformer.positions import (
    BucketedBias,
    LearnedPositions,
    RotaryPositions,
    SinusoidalPositions,
)
from tftransformer.stacks import Decoder, Encoder, TwoStreamEncoder

D = 8
IDS = np.array([[5, 6, 7, 0, 0], [3, 4, 5, 6, 7]], "int32")


@keras.saving.register_keras_serializable("tests")
class Unbuilt(keras.layers.Layer):
    """A layer that makes its weights by its first call, as Keras allows."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x):
        return self.inner(x)

    def get_config(self):
        inner = keras.saving.serialize_keras_object(self.inner)
        return {**super().get_config(), "inner": inner}

    @classmethod
    def from_config(cls, config):
        inner = keras.saving.deserialize_keras_object(config.pop("inner"))
        return cls(inner, **config)


@keras.saving.register_keras_serializable("tests")
class ByDistance(keras.layers.Layer):
    """A bias without `build`."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table = keras.layers.Embedding(9, 2)

    def call(self, queries, keys):
        return ops.moveaxis(self.table(ops.abs(queries[:, None] - keys[None])), -1, 0)[None]


def norm():
    return Unbuilt(keras.layers.LayerNormalization())


SOCKETS = {
    "norm": lambda: {"normalization": norm()},
    "final norm": lambda: {"final_norm": norm()},
    "feed-forward": lambda: {"feed_forward": Unbuilt(keras.layers.Dense(D))},
    "query norm": lambda: {"attention": MultiHeadAttention(D, 2, query_norm=norm())},
    "position": lambda: {
        "embeddings": TokenEmbeddings(9, D, position=Unbuilt(keras.layers.Embedding(9, D)))
    },
    "norm of embeddings": lambda: {"embeddings": TokenEmbeddings(9, D, norm=norm())},
    "embeddings": lambda: {"embeddings": Unbuilt(keras.layers.Embedding(9, D))},
    "embeddings of Keras": lambda: {"embeddings": keras.layers.Embedding(9, D)},
    "position bias": lambda: {"position_bias": ByDistance()},
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("socket", SOCKETS)
def test_a_layer_without_build_has_its_weights_when_the_stack_is_built(socket):
    options = {"embeddings": TokenEmbeddings(9, D), **SOCKETS[socket]()}
    stack = Encoder(2, D, 2, 12, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stack.build((None, None))
        built = [weight.path for weight in stack.weights]
        stack(IDS)
    assert [weight.path for weight in stack.weights] == built
    again = Encoder.from_config(stack.get_config())
    again.build((None, None))
    again.set_weights(stack.get_weights())
    np.testing.assert_allclose(again(IDS), stack(IDS), atol=1e-6)


def test_a_head_without_build_has_its_weights_when_the_model_is_made():
    model = Bert(9, 1, D, 2, D, heads={"mine": Unbuilt(keras.layers.Dense(3))})
    made = len(model.weights)
    assert model(IDS)["mine"].shape == (2, 5, 3)
    assert len(model.weights) == made


def test_a_layer_of_ones_own_in_a_decoder_need_not_know_the_source(vectors):
    class Plain(Decoder):
        def make_layer(self, index, *sizes, **options):
            return Unbuilt(keras.layers.Dense(D), name=f"layer_{index}")

    x = vectors(2, 5, D)
    assert Plain(2, D, 2, 12)(x, x).shape == (2, 5, D)


def test_attention_without_keys_has_no_second_stream(vectors):
    stack = TwoStreamEncoder(1, D, 2, 12, attention=keras.layers.MultiHeadAttention(2, 4))
    with pytest.raises(ValueError, match="MultiHeadAttention keeps no keys and values"):
        stack(vectors(2, 5, D), target_mapping=np.ones((2, 1, 5), "float32"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MultiHeadAttention(D, 2, rotary=RotaryPositions), "rotary is the class Rotary"),
        (lambda: MultiHeadAttention(D, 2, rotary=LearnedPositions(D, 9)), "Learned.*does not"),
        (lambda: TokenEmbeddings(9, D, position=BucketedBias(2)), "BucketedBias does not"),
        (lambda: TokenEmbeddings(9, D, position=RotaryPositions()), "are not added"),
        (lambda: TokenEmbeddings(9, D, position="sinusoidal"), "position='sinusoidal' is no layer"),
        (lambda: Encoder(1, D, 2, 12, embeddings=TokenEmbeddings), "embeddings is the class"),
        (lambda: Encoder(1, D, 2, 12, position_bias=SinusoidalPositions(D)), "does not take"),
    ],
)
def test_what_fits_no_socket_is_refused_when_it_is_given(make, words):
    with pytest.raises(TypeError, match=words):
        make()


def test_widths_that_differ_are_refused_when_they_are_given():
    with pytest.raises(ValueError, match=r"the d_model of position=6 was given; expected .* 8"):
        TokenEmbeddings(9, D, position=SinusoidalPositions(6))
    with pytest.raises(ValueError, match=r"the d_model of embeddings=6 was given; expected .* 8"):
        Encoder(1, D, 2, 12, embeddings=TokenEmbeddings(9, 6))
    with pytest.raises(ValueError, match="an even head width, not 3"):
        Encoder(1, 6, 2, 12, rotary=RotaryPositions()).build((None, None, 6))


def test_a_function_of_the_index_makes_an_option_for_each_layer():
    def relu_but_for_name(index):
        return ("gelu", "relu", "silu")[index]

    def plain(x):
        return x

    stack = Encoder(
        3, D, 2, 12, dropout=lambda index: 0.1 * index, activation=relu_but_for_name,
        output_initializer=lambda index: keras.initializers.Constant(index),
    )  # fmt: skip
    stack.build((None, None, D))
    again = Encoder.from_config(stack.get_config())
    for found in (stack, again):
        assert [layer.dropout for layer in found.layers] == [0.0, 0.1, 0.2]
        assert found.layers[2].feed_forward.activation is keras.activations.silu
    for index, layer in enumerate(stack.layers):
        assert np.all(np.array(layer.feed_forward.outer.kernel) == index)
    assert Encoder(1, D, 2, 12, activation=plain).layers[0].feed_forward.activation is plain


@pytest.mark.parametrize("name", ["hidden", "memory", "query_attentions", "cross_attentions"])
def test_no_head_has_the_name_of_another_output(name):
    with pytest.raises(ValueError, match=f"a head cannot be called '{name}'"):
        XLNet(9, 1, D, 2, D, heads={name: keras.layers.Dense(2)})


def test_a_table_that_is_not_trained_stays_so_whoever_unfreezes_the_model():
    model = XLM(20, 1, D, 2, sinusoidal=True)
    before = len(model.trainable_weights)
    for value in (False, True):
        for layer in model._flatten_layers():
            layer.trainable = value
    assert len(model.trainable_weights) == before == len(model.weights) - 1


def test_a_mask_that_returns_nothing_and_arguments_that_cannot_be_hashed(vectors):
    class Nothing(Mask):
        def visible(self, context):
            pass

    class Of(Mask):
        def __init__(self, given):
            self.given = given

        def visible(self, context):
            return ops.ones((5, 5), "bool")

    x, tensor = vectors(2, 5, D), ops.ones(2)
    with pytest.raises(TypeError, match=r"Nothing\(\) returned None, and visible\(\) returns bool"):
        Encoder(1, D, 2, 12, mask=Nothing())(x)
    assert Of(tensor) == Of(tensor) != Of(ops.ones(2))
    assert len({Of(tensor), Of(tensor), CausalMask()}) == 2
    assert Encoder(2, D, 2, 12, mask=Of(tensor))(x).shape == x.shape


def test_a_mask_of_the_keys_alone_is_told_from_one_of_the_queries(vectors):
    with pytest.raises(ValueError, match="is of 2 queries, and the layer was called with 5"):
        MultiHeadAttention(D, 2)(vectors(2, 5, D), attention_mask=np.ones((2, 5), bool))


def test_steps_of_a_stack_share_the_layers_that_order_names():
    x = np.random.default_rng(0).normal(size=(2, 5, D)).astype("float32")
    shared = Encoder(2, D, 2, 16, order=[1, 0, 1], mask=CausalMask())
    apart = Encoder(3, D, 2, 16, mask=CausalMask())
    shared(x), apart(x)
    assert len(shared.layers) == 3
    assert shared.layers[0] is shared.layers[2]
    assert shared.count_params() * 3 == apart.count_params() * 2
    for layer, same in zip(apart.layers, shared.layers, strict=True):
        layer.set_weights(same.get_weights())
    np.testing.assert_array_equal(shared(x), apart(x))
    again = Encoder.from_config(shared.get_config())
    assert [again.layers.index(layer) for layer in again.layers] == [0, 1, 0]
    cache = shared.empty_cache(2, 5)
    assert len(cache) == 3  # each step has its own keys
    with pytest.raises(ValueError, match=r"order=\[0, 2\] names layers that are none of 2"):
        Encoder(2, D, 2, 16, order=[0, 2])
    with pytest.raises(ValueError, match="mask lists 2 masks for 3 layers"):
        Encoder(2, D, 2, 16, order=[1, 0, 1], mask=[CausalMask(), CausalMask()])


@pytest.mark.parametrize("scale", [True, False])
def test_embeddings_of_another_width_are_projected_to_that_of_the_model(scale):
    embeddings = TokenEmbeddings(
        9, D, width=4, scale=scale, position=LearnedPositions(4, 6), segments=2
    )
    found = embeddings(IDS[:1], segment_ids=np.ones((1, 5), "int32"))
    table, positions, segments = (
        np.array(part.embeddings)
        for part in (embeddings.table, embeddings.position.table, embeddings.segments)
    )
    narrow = table[IDS[0]] * (2 if scale else 1) + positions[:5] + segments[1]
    kernel = np.array(embeddings.projection.kernel)
    np.testing.assert_allclose(found[0], narrow @ kernel, atol=1e-5)
    with pytest.raises(ValueError, match="the d_model of position"):
        TokenEmbeddings(9, D, width=4, position=LearnedPositions(D, 6))
