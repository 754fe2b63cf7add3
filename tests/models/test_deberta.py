"""Deberta and DebertaV2: what of places matters, what is shared, what the switches leave out."""

import numpy as np
import pytest

from tftransformer.layers import DisentangledAttention, MultiHeadAttention
from tftransformer.models import Deberta, DebertaV2

SIZES = {"vocab_size": 30, "num_layers": 2, "d_model": 8, "num_heads": 2, "dff": 12}
SIZES |= {"num_positions": 16}
IDS = np.array([[5, 6, 7, 8, 9, 10]], "int32")
MODELS = {
    "version 1": (Deberta, {"max_distance": 3}),
    "version 3": (DebertaV2, {"buckets": 4}),
    "a convolution": (DebertaV2, {"buckets": 4, "neighbours": 1}),
    "no buckets": (DebertaV2, {"buckets": None, "max_distance": 3, "shared": False}),
}


def make(kind=DebertaV2, **options):
    model = kind(
        **{**SIZES, "buckets": 4, **options} if kind is DebertaV2 else {**SIZES, **options}
    )
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape, scale=0.5))
    return model


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_on_either_side_changes_nothing(name, side):
    kind, options = MODELS[name]
    model = make(kind, **options)
    ids = np.pad(IDS, [(0, 0), (3, 0) if side == "left" else (0, 3)])
    at = slice(3, None) if side == "left" else slice(6)
    expected = model(IDS)
    for output, found in model(ids).items():
        np.testing.assert_allclose(found[:, at], expected[output], atol=1e-4, err_msg=output)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("name", MODELS)
def test_the_order_of_tokens_matters_by_their_distances_alone(name):
    kind, options = MODELS[name]
    model = make(kind, **options)
    turned = np.array(model(IDS[:, ::-1])["hidden"])[:, ::-1]
    assert np.abs(turned - np.array(model(IDS)["hidden"])).max() > 0.01


def test_without_vectors_of_distances_and_positions_the_order_does_not_matter():
    model = make(relative=False)
    turned = np.array(model(IDS[:, ::-1])["hidden"])[:, ::-1]
    np.testing.assert_allclose(turned, model(IDS)["hidden"], atol=1e-5)
    assert type(model.stack.layers[0].attention) is MultiHeadAttention
    # The scores are divided as if the terms were there.
    scale = model.stack.layers[0].attention.scorer.factor(np.zeros((1, 2, 3, 4)))
    assert scale == pytest.approx((4 * 3) ** -0.5)


def test_layers_share_the_vectors_of_distances_and_their_projections_with_those_of_tokens():
    shared, apart = make(), make(shared=False)
    attention = shared.stack.layers[1].attention
    assert isinstance(attention, DisentangledAttention)
    assert attention.distance_key is None
    tables = [weight for weight in shared.weights if "distances" in weight.path]
    assert len(tables) == 3  # and the norm's
    assert apart.count_params() - shared.count_params() == 2 * 2 * (8 * 8 + 8)


def test_version_1_has_no_biases_on_keys_and_no_choices():
    attention = make(Deberta).stack.layers[0].attention
    assert attention.key.bias is None
    assert attention.distance_key.bias is None
    assert attention.distance_query.bias is not None
    assert "multiple_choice" not in Deberta(**SIZES).head_names
    assert "multiple_choice" in DebertaV2(**SIZES, buckets=4).head_names


def test_longer_texts_than_there_are_distances_are_read():
    model = make(Deberta, max_distance=2)
    assert np.isfinite(np.array(model(np.tile(IDS, (1, 9)))["hidden"])).all()
