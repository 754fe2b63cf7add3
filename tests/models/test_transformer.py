"""The Transformer as a Keras model: counts, ties, training, saving, errors."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from tftransformer.masks import CausalMask, Mask, PaddingMask, SlidingWindowMask
from tftransformer.models import Transformer
from tftransformer.positions import LearnedPositions, RotaryPositions, SinusoidalPositions

D, HEADS, DFF, V = 8, 2, 12, 11
SIZES = {"num_layers": 2, "d_model": D, "num_heads": HEADS, "dff": DFF}
IDS = {
    "source_ids": np.array([[5, 6, 7, 3, 0], [8, 3, 0, 0, 0], [4, 9, 10, 6, 3]], "int32"),
    "target_ids": np.array([[2, 7, 6, 0], [2, 9, 0, 0], [2, 4, 5, 8]], "int32"),
}
LABELS = np.array([[7, 6, 3, 0], [9, 3, 0, 0], [4, 5, 8, 3]], "int32")
WEIGHTS = (LABELS != 0).astype("float32")


def build(**options):
    options = {"vocab_size": V, "dropout": 0.0, **SIZES, **options}
    model = Transformer(**options)
    model.build()
    return model


def compile_eagerly(model):
    """For a single step, a graph would take longer to build than to save."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, run_eagerly=True)


def stacks_parameters(layers=2, d=D, dff=DFF):
    attention, net, norm = 4 * (d * d + d), 2 * d * dff + d + dff, 2 * d
    return layers * (attention + net + 2 * norm) + layers * (2 * attention + net + 3 * norm)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("options", "tables"),
    [
        ({}, V * D),
        ({"tie": "all"}, V * D),
        ({"tie": "target"}, 2 * V * D),
        ({"tie": "none"}, 3 * V * D),
        ({"head_bias": True}, V * D + V),
        ({"vocab_size": None, "source_vocab_size": 7, "target_vocab_size": 9}, (7 + 9) * D),
        (
            {"vocab_size": None, "source_vocab_size": 7, "target_vocab_size": 9, "tie": "none"},
            (7 + 9 + 9) * D,
        ),
    ],
)
def test_parameters_are_as_many_as_the_formula_says(options, tables):
    assert build(**options).count_params() == stacks_parameters() + tables


@pytest.mark.slow
def test_tied_weights_are_one_variable():
    for tie, same in (("all", (True, True)), ("target", (False, True)), ("none", (False, False))):
        model = build(tie=tie)
        source, target = model.encoder.embeddings.table, model.decoder.embeddings.table
        assert ((source is target), (model.head.tied_to is target)) == same
        assert len({id(weight) for weight in model.weights}) == len(model.weights)


@pytest.mark.slow
def test_stacks_of_different_sizes():
    model = build(num_layers=(3, 1), num_heads=(4, 2), dff=(12, 20))
    assert (len(model.encoder.layers), len(model.decoder.layers)) == (3, 1)
    maps = model.details(IDS)
    assert [x.shape for x in maps["encoder_attentions"]] == [(3, 4, 5, 5)] * 3
    assert [x.shape for x in maps["decoder_attentions"]] == [(3, 2, 4, 4)]
    again = Transformer.from_config(model.get_config())
    again.build()
    assert again.count_params() == model.count_params()


@pytest.mark.slow
def test_building_twice_makes_no_second_weight():
    model = build(tie="none", head_bias=True)
    before = model.count_params()
    model.build()
    model(IDS)
    assert model.count_params() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vocab_size": None}, ["vocab_size", "source_vocab_size"]),
        ({"vocab_size": None, "source_vocab_size": 9}, ["target_vocab_size=None"]),
        ({"num_heads": 3}, ["d_model=8", "num_heads=3"]),
        ({"tie": "both"}, ["'both'", "none", "target", "all"]),
        ({"tie": "all", "target_vocab_size": 9}, ["11 source", "9 target"]),
        ({"norm": "middle"}, ["'middle'", "pre", "post"]),
        ({"normalization": "batch"}, ["'batch'", "rms"]),
        ({"num_layers": 0}, ["num_layers=0"]),
        ({"dff": (1, 2, 3)}, ["(1, 2, 3)", "pair"]),
        ({"d_model": 9, "num_heads": 3}, ["even d_model", "9"]),
        ({"d_model": "16"}, ["d_model='16'", "an int"]),
        ({"num_heads": "4"}, ["'4'", "one number, or a pair"]),
        ({"num_layers": 2.0}, ["2.0", "one number, or a pair"]),
    ],
)
def test_a_wrong_argument_is_named(options, words):
    with pytest.raises(ValueError) as error:
        Transformer(**{"vocab_size": V, **SIZES, **options})
    for word in words:
        assert word in str(error.value)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"source_ids": IDS["source_ids"]}, ["target_ids", "['source_ids']"]),
        (IDS["source_ids"], ["dict", "source_ids"]),
        ({**IDS, "target_ids": IDS["target_ids"][0]}, ["target_ids", "batch", "target_ids[None]"]),
    ],
)
def test_wrong_inputs_are_named(inputs, words):
    with pytest.raises(ValueError) as error:
        build()(inputs)
    for word in words:
        assert word in str(error.value)


@pytest.mark.slow
def test_keras_compile_fit_evaluate_predict_with_numpy():
    """A model learns eight pairs by heart, from arrays, in plain Keras."""
    random = np.random.default_rng(1)
    source = random.integers(4, V, (8, 5)).astype("int32")
    labels = np.concatenate([source[:, ::-1], np.full((8, 1), 3)], axis=1).astype("int32")
    target = np.concatenate([np.full((8, 1), 2), labels[:, :-1]], axis=1).astype("int32")
    inputs = {"source_ids": source, "target_ids": target}
    model = Transformer(
        **{**SIZES, "num_layers": 1, "d_model": 16}, vocab_size=V, dropout=0.0, norm="pre"
    )
    model.compile(
        keras.optimizers.Adam(0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    weights = np.ones_like(labels, "float32")
    before = model.evaluate(inputs, labels, sample_weight=weights, verbose=0, return_dict=True)
    history = model.fit(inputs, labels, sample_weight=weights, epochs=120, batch_size=8, verbose=0)
    after = model.evaluate(inputs, labels, sample_weight=weights, verbose=0, return_dict=True)
    assert after["loss"] < 0.2 * before["loss"]
    assert after["accuracy"] > 0.95
    assert set(history.history) == {"loss", "accuracy"}
    predicted = model.predict(inputs, batch_size=3, verbose=0)
    assert isinstance(predicted, np.ndarray)
    np.testing.assert_allclose(predicted, model(inputs), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_one_step_moves_every_weight(norm):
    model = build(norm=norm, tie="none", head_bias=True, position=LearnedPositions(D, 9))
    compile_eagerly(model)
    before = {w.path: np.array(w) for w in model.trainable_variables}
    model.train_on_batch(IDS, LABELS, sample_weight=WEIGHTS)
    for weight in model.trainable_variables:
        if not weight.path.endswith("key/bias"):
            assert np.any(np.array(weight) != before[weight.path]), weight.path


@keras.saving.register_keras_serializable("tests")
class EveryOtherMask(Mask):
    """A mask of a user's own."""

    def __init__(self, stride=2):
        self.stride = stride

    def visible(self, context):
        query, key = context["query_positions"], context["key_positions"]
        return ops.equal((query[:, None] - key[None, :]) % self.stride, 0)


VARIANTS = {
    "default": {},
    "own mask": {"decoder_mask": CausalMask() & (EveryOtherMask(3) | SlidingWindowMask(1))},
    "cross mask": {"cross_mask": PaddingMask() & EveryOtherMask(), "encoder_mask": PaddingMask()},
    "rotary": {"rotary": RotaryPositions(), "norm": "pre", "normalization": "rms"},
    "learned": {"position": LearnedPositions(D, 9), "tie": "none", "head_bias": True},
    "concatenated": {"position": SinusoidalPositions(D, "concatenated"), "activation": "gelu_tanh"},
    "sizes": {"num_layers": (1, 2), "num_heads": [4, 2], "attention_dropout": 0.1},
    "injected": {
        "attention": keras.layers.MultiHeadAttention(HEADS, D // HEADS),
        "feed_forward": keras.Sequential([keras.layers.Dense(D)]),
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_a_saved_model_comes_back(name, tmp_path):
    model = build(**VARIANTS[name])
    expected = model(IDS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(IDS), expected)
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    assert [w.path for w in loaded.weights] == [w.path for w in model.weights]
    assert loaded.decoder.mask == model.decoder.mask
    assert loaded.decoder.cross_mask == model.decoder.cross_mask
    assert loaded.count_params() == model.count_params()


@pytest.mark.slow
def test_a_compiled_model_trains_on_after_loading(tmp_path):
    model = build()
    compile_eagerly(model)
    model.train_on_batch(IDS, LABELS, sample_weight=WEIGHTS)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for each in (model, loaded):
        each.train_on_batch(IDS, LABELS, sample_weight=WEIGHTS)
    for one, other in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_each_layer_has_its_own_copy_of_an_injected_layer():
    model = build(**VARIANTS["injected"])
    layers = [*model.encoder.layers, *model.decoder.layers]
    assert len({id(layer.attention) for layer in layers}) == len(layers)
    # Two stacks of two layers: Keras's attention has as many weights as ours.
    net = D * D + D
    attention, norm = 4 * (D * D + D), 2 * D
    expected = 2 * (attention + net + 2 * norm) + 2 * (2 * attention + net + 3 * norm) + V * D
    assert model.count_params() == expected


@pytest.mark.slow
def test_details_are_what_call_computes():
    model = build(norm="pre")
    details = model.details(IDS)
    np.testing.assert_array_equal(details["logits"], model(IDS))
    for name, queries, keys in (
        ("encoder_attentions", 5, 5),
        ("decoder_attentions", 4, 4),
        ("cross_attentions", 4, 5),
    ):
        for weights in details[name]:
            assert weights.shape == (3, HEADS, queries, keys)
            np.testing.assert_allclose(np.sum(weights, axis=-1), 1, atol=1e-6)
    source_padding = IDS["source_ids"] == 0
    for weights in (*details["encoder_attentions"], *details["cross_attentions"]):
        assert np.all(np.moveaxis(np.array(weights), 3, 1)[source_padding] == 0)
    for weights in details["decoder_attentions"]:
        assert np.all(np.triu(np.array(weights), 1) == 0)
    assert [x.shape for x in details["decoder_hidden_states"]] == [(3, 4, D)] * 3


@pytest.mark.slow
def test_details_of_a_model_that_was_never_called():
    keras.utils.set_random_seed(3)
    fresh = Transformer(**SIZES, vocab_size=V)
    logits = fresh.details(IDS)["logits"]
    np.testing.assert_array_equal(logits, fresh(IDS))
    assert len({w.path for w in fresh.weights}) == len(build().weights)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_source_of_padding_alone_stays_finite(policy):
    ids = {"source_ids": np.zeros((2, 4), "int32"), "target_ids": IDS["target_ids"][:2]}
    model = build(dtype=policy)
    details = model.details(ids)
    assert np.all(np.isfinite(ops.cast(details["logits"], "float32")))
    for weights in (*details["encoder_attentions"], *details["cross_attentions"]):
        assert np.all(np.array(weights) == 0)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = ops.sum(ops.square(ops.cast(model(ids), "float32")))
    for gradient in tape.gradient(loss, [v.value for v in model.trainable_variables]):
        assert gradient is None or np.all(np.isfinite(ops.convert_to_tensor(gradient)))


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_near_float32(policy):
    model, mixed = build(), build(dtype=policy)
    mixed.set_weights(model.get_weights())
    logits = mixed(IDS)
    assert keras.backend.standardize_dtype(logits.dtype) == policy.removeprefix("mixed_")
    np.testing.assert_allclose(ops.cast(logits, "float32"), model(IDS), atol=0.1)
    compile_eagerly(mixed)
    assert np.isfinite(mixed.train_on_batch(IDS, LABELS, sample_weight=WEIGHTS))


@pytest.mark.slow
def test_given_padding_masks_win_over_the_pad_id():
    model = build()
    real = {
        "source_padding_mask": IDS["source_ids"] != 0,
        "target_padding_mask": IDS["target_ids"] != 0,
    }
    np.testing.assert_array_equal(model({**IDS, **real}), model(IDS))
    everything = {name: np.ones_like(mask) for name, mask in real.items()}
    assert np.any(np.array(model({**IDS, **everything})) != np.array(model(IDS)))
    shorter = {**IDS, "source_padding_mask": np.arange(5)[None] < np.array([[2], [1], [3]])}
    replaced = IDS["source_ids"] * shorter["source_padding_mask"]
    expected = model({**IDS, "source_ids": replaced})
    np.testing.assert_allclose(model(shorter), expected, atol=1e-6)


@pytest.mark.slow
def test_the_context_reaches_all_three_masks():
    from tftransformer.masks import TensorMask

    model = build(
        encoder_mask=PaddingMask() & TensorMask("encoder"),
        decoder_mask=CausalMask() & TensorMask("decoder"),
        cross_mask=TensorMask("cross"),
    )
    ones = {"encoder": np.ones((5, 5)), "decoder": np.ones((4, 4)), "cross": np.ones((4, 5))}
    full = np.array(model(IDS, context=ones))
    for name, entry in ones.items():
        less = np.array(model(IDS, context={**ones, name: np.tril(entry, -1)}))
        assert np.abs(less - full).max() > 1e-3
    with pytest.raises(ValueError, match=r"encoder.*context"):
        model(IDS)


@pytest.mark.slow
def test_a_model_in_a_model():
    """Nested in a functional model, it computes the same and saves with it."""
    inner = build()
    symbols = {name: keras.Input((None,), dtype="int32", name=name) for name in IDS}
    outer = keras.Model(symbols, keras.layers.Activation("softmax")(inner(symbols)))
    np.testing.assert_allclose(outer(IDS), ops.softmax(inner(IDS)), atol=1e-6)
    assert outer.count_params() == inner.count_params()
