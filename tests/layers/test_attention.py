"""What attention layers are given: masks of each rank, nothing to attend to, shared keys."""

import keras
import numpy as np
import pytest

from tftransformer.layers import (
    AttentionState,
    DecoderLayer,
    FixedKeyValue,
    LayerState,
    MultiHeadAttention,
)

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


def test_a_mask_of_floats_and_a_bias_of_rank_3_are_refused(vectors):
    layer, x = MultiHeadAttention(WIDTH, HEADS), vectors(BATCH, LENGTH, WIDTH)
    with pytest.raises(TypeError, match="attention_mask is float32"):
        layer(x, attention_mask=np.zeros((LENGTH, LENGTH), "float32"))
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
