"""What a position sees by convolution."""

import keras
import numpy as np
import pytest

from tftransformer.layers import Convolution, EncoderLayer
from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.positions import BucketedBias
from tftransformer.stacks import Encoder

REAL = np.array([[True] * 6, [False, True, True, True, False, False]])


def test_each_position_is_a_window_times_the_kernel(vectors):
    layer, x = Convolution(4, 2, activation="tanh"), vectors(2, 6, 4)
    found = layer(x, context={"padding_mask": REAL})
    kernel, bias = (np.asarray(weight) for weight in layer.weights)
    for row in range(2):
        for place in range(6):
            window = np.concatenate([
                x[row, i] if 0 <= i < 6 and REAL[row, i] else np.zeros(4)
                for i in range(place - 2, place + 3)
            ])  # fmt: skip
            expected = np.tanh(window @ kernel + bias)
            np.testing.assert_allclose(found[row, place], expected, atol=1e-5)


def test_in_a_stack_padding_on_either_side_changes_nothing(vectors):
    stack = Encoder(2, 4, 1, 8, mask=PaddingMask(), norm="pre", attention=Convolution(4, 1))
    x = vectors(1, 3, 4)
    alone = stack(x)
    for before, behind in [(0, 2), (2, 0), (1, 3)]:
        wide = np.pad(x, ((0, 0), (before, behind), (0, 0)), constant_values=9.0)
        real = np.zeros((1, wide.shape[1]), bool)
        real[:, before : before + 3] = True
        found = stack(wide, padding_mask=real)[:, before : before + 3]
        np.testing.assert_allclose(found, alone, atol=1e-5)


def test_masks_that_hide_more_than_padding_are_refused():
    with pytest.raises(ValueError, match="sees all neighbours but padding"):
        Encoder(1, 4, 1, 8, mask=CausalMask() & PaddingMask(), attention=Convolution(4, 1))
    with pytest.raises(ValueError, match="neighbours"):
        Convolution(4, 0)
    with pytest.raises(ValueError, match="cache"):
        EncoderLayer(4, 1, 8, attention=Convolution(4, 1)).check_cacheable()


def test_a_bias_on_scores_is_refused_by_what_has_none():
    with pytest.raises(ValueError, match="adds no position_bias to its scores"):
        Encoder(1, 4, 1, 8, position_bias=BucketedBias(1), attention=Convolution(4, 1))
    keras_own = keras.layers.MultiHeadAttention(1, 4)
    with pytest.raises(ValueError, match="adds no position_bias to its scores"):
        Encoder(1, 4, 1, 8, position_bias=BucketedBias(1), attention=keras_own)
