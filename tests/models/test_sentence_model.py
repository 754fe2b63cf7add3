"""SentenceModel: padding and neighbours change nothing, words alone count without a layer."""

import numpy as np
import pytest

from tftransformer.models import SentenceModel

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
