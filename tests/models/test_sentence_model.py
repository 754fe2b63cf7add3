"""SentenceModel: padding and neighbours change nothing, words alone count without a layer."""

import numpy as np
import pytest

from tftransformer.models import SentenceModel
from tftransformer.positions import BucketedBias

IDS = np.array([[4, 5, 6, 7, 0, 0], [8, 9, 0, 0, 0, 0]], "int32")
HEAD = "sequence_classification"


@pytest.mark.parametrize("num_layers", [0, 1])
def test_padding_and_other_rows_change_nothing(num_layers):
    model = SentenceModel(12, num_layers, 16, 2, 24, num_positions=8)
    together = model(IDS)[HEAD]
    np.testing.assert_allclose(model(IDS[:1, :4])[HEAD], together[:1], atol=1e-6)
    np.testing.assert_allclose(model(IDS[1:, :2])[HEAD], together[1:], atol=1e-6)


def test_training_drops_whole_tokens_and_the_config_says_how_many():
    model = SentenceModel(12, 0, 16, dropout=0.0, token_dropout=0.5, num_positions=8)
    assert np.any(model(IDS, training=True)[HEAD] != model(IDS, training=False)[HEAD])
    again = SentenceModel.from_config(model.get_config())
    assert again.token_dropout == 0.5
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(IDS)[HEAD], model(IDS)[HEAD])
    whole = SentenceModel(12, 1, 16, 2, 24, dropout=0.0, attention_dropout=0.0, token_dropout=0.0)
    np.testing.assert_array_equal(whole(IDS, training=True)[HEAD], whole(IDS)[HEAD])


def test_with_a_bias_of_distances_tokens_know_their_neighbours_and_not_their_place():
    bias = BucketedBias(2, num_buckets=8, max_distance=16, initializer="random_normal")
    model = SentenceModel(
        12, 1, 16, 2, 24, position_bias=bias, heads={"token_classification": {"labels": 2}}
    )
    model = SentenceModel.from_config(model.get_config())
    ids = np.array([[3, 4, 5, 6, 0, 0], [0, 0, 3, 4, 5, 6]])
    found = model({"token_ids": ids, "padding_mask": ids > 0})["token_classification"]
    np.testing.assert_allclose(found[0, :4], found[1, 2:], atol=1e-5)
    turned = model({"token_ids": ids[:1, [1, 0, 2, 3]]})["token_classification"]
    assert np.abs(turned[0, 2] - found[0, 2]).max() > 1e-6
