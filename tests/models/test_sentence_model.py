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


@pytest.mark.slow
def test_by_convolution_a_token_sees_as_far_as_all_layers_reach():
    heads = {"token_classification": {"labels": 2}}
    model = SentenceModel(12, 2, 16, dff=24, neighbours=1, heads=heads)
    model = SentenceModel.from_config(model.get_config())
    ids = np.array([[3, 4, 5, 6, 7, 8, 9]])
    before = model(ids)["token_classification"]
    ids[0, 3] = 10
    moved = np.abs(model(ids)["token_classification"] - before).max(axis=-1)[0] > 1e-6
    assert moved.tolist() == [False, True, True, True, True, True, False]
    assert not any("position" in weight.path for weight in model.weights)


@pytest.mark.slow
def test_a_token_is_what_its_spellings_say_and_training_drops_each_alone():
    heads = {"token_classification": {"labels": 2}}
    model = SentenceModel(12, 0, 16, spelling=9, token_dropout=0.5, dropout=0.0, heads=heads)
    embed, ids = model.stack.embeddings, np.array([[3, 4]])
    spelled = np.array([[[1, 2, 0], [8, 0, 0]]])
    table = np.asarray(embed.spelling.embeddings)
    plain = embed(ids)
    expected = plain + np.array([[table[1] + table[2], table[8]]])
    np.testing.assert_allclose(embed(ids, spelling_ids=spelled), expected, atol=1e-6)
    outputs = {
        tuple(np.round(embed(ids, spelling_ids=spelled, training=True)[0, 0], 5).tolist())
        for _ in range(40)
    }
    assert len(outputs) == 8
    inputs = {"token_ids": ids, "spelling_ids": spelled}
    assert np.any(model(inputs)["token_classification"] != model(ids)["token_classification"])
    with pytest.raises(ValueError, match="has no embeddings for them"):
        SentenceModel(12, 0, 16)(inputs)
    with pytest.raises(ValueError, match="from 1 to 9"):
        model({"token_ids": ids, "spelling_ids": spelled + 1})


def test_masked_tokens_are_guessed_by_the_table_of_the_embeddings_where_masks_stand():
    model = SentenceModel(12, 1, 8, 2, 8, heads=["masked_lm"])
    assert model.heads["masked_lm"].output_projection.tied_to is model.stack.embeddings.table
    ids = np.arange(1, 7).reshape(1, 6)
    everywhere = model({"token_ids": ids})["masked_lm"]
    there = model({"token_ids": ids, "mask_positions": np.array([[4, 1]])})["masked_lm"]
    np.testing.assert_allclose(there, np.asarray(everywhere)[:, [4, 1]], atol=1e-6)
