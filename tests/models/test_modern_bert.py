"""ModernBert: what its layers see, how it counts, what its heads read."""

import numpy as np
import pytest

from tftransformer.masks import PaddingMask, SlidingWindowMask
from tftransformer.models import ModernBert

SIZES = {"vocab_size": 30, "num_layers": 2, "d_model": 8, "num_heads": 2, "dff": 12, "pad_id": 0}
IDS = np.array([[5, 6, 7, 8, 9, 10, 11, 12]], "int32")
CLASSES = {"sequence_classification": {"labels": 3}, "multiple_choice": {}}


def make(**options):
    model = ModernBert(**{**SIZES, **options})
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape, scale=0.5))
    return model


def moved(model, column):
    """Which columns of the stack's output another token in a column changes."""
    other = IDS.copy()
    other[0, column] = 20
    difference = np.array(model(IDS)["hidden"]) - np.array(model(other)["hidden"])
    return np.flatnonzero(np.abs(difference[0]).max(-1) > 1e-6).tolist()


def test_a_layer_sees_half_a_window_on_either_side_or_the_whole_text():
    assert moved(make(num_layers=1, global_layers=[], window=4), 3) == [1, 2, 3, 4, 5]
    assert moved(make(num_layers=1, global_layers=[], window=5), 3) == [1, 2, 3, 4, 5]
    assert moved(make(num_layers=2, global_layers=[], window=2), 3) == [1, 2, 3, 4, 5]
    assert moved(make(num_layers=2, global_layers=[1], window=2), 0) == [*range(8)]


def test_every_so_many_layers_one_sees_the_whole_text():
    masks = ModernBert(**{**SIZES, "num_layers": 5}, window=6).stack.masks
    whole, local = PaddingMask(), SlidingWindowMask(3, 3) & PaddingMask()
    assert masks == [whole, local, local, whole, local]
    layers = ModernBert(**SIZES, global_layers=[1], global_base=50.0).stack.layers
    assert [layer.attention.rotary.base for layer in layers] == [10000.0, 50.0]


@pytest.mark.parametrize(("layers", "message"), [(0, "global_layers"), ([2], "names layer 2")])
def test_layers_that_are_not_there_are_refused(layers, message):
    with pytest.raises(ValueError, match=message):
        ModernBert(**SIZES, global_layers=layers)


def test_positions_turn_queries_and_keys_and_a_window_counts_columns():
    model = make(window=2, num_layers=3)
    plain, columns = model(IDS)["hidden"], np.arange(8, dtype="int32")[None]
    told = {"token_ids": IDS, "position_ids": columns + 40}
    np.testing.assert_allclose(model(told)["hidden"], plain, atol=1e-4)
    reversed_ = model({"token_ids": IDS, "position_ids": columns[:, ::-1]})["hidden"]
    assert np.abs(np.array(reversed_) - np.array(plain)).max() > 0.01
    # The same tokens in another order, told where they stood: no change without a window.
    model = make(global_layers=1)
    order = np.array([3, 0, 7, 1, 2, 6, 5, 4], "int32")
    found = model({"token_ids": IDS[:, order], "position_ids": columns[:, order]})["hidden"]
    np.testing.assert_allclose(found, np.array(model(IDS)["hidden"])[:, order], atol=1e-4)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_padding_on_either_side_changes_nothing(side, pooling):
    model = make(window=2, pooling=pooling, heads=CLASSES)
    ids = np.pad(IDS, [(0, 0), (3, 0) if side == "left" else (0, 3)])
    found, expected = model(ids[:, None]), model(IDS[:, None])
    at = slice(3, None) if side == "left" else slice(8)
    np.testing.assert_allclose(found["hidden"][:, :, at], expected["hidden"], atol=1e-5)
    for head in CLASSES:
        if (head, pooling, side) != ("sequence_classification", "first", "left"):
            np.testing.assert_allclose(found[head], expected[head], atol=1e-5)


def test_there_are_no_biases_but_where_they_are_asked_for():
    def kinds(**options):
        return {weight.name for weight in ModernBert(**SIZES, **options).weights}

    assert kinds(output_bias=False) == {"embeddings", "kernel", "gamma"}
    assert "beta" in kinds(norm_bias=True)
    assert "bias" in kinds(output_bias=False, attention_bias=True)
