"""Roberta."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import ops

from tftransformer.core import register, with_defaults
from tftransformer.models.bert import Bert, transforming_classifier
from tftransformer.positions import token_positions


@register
class Roberta(Bert):
    """BERT, with positions that count only real tokens (Liu et al. 2019). Defaults: RoBERTa-base.

    Padding, recognised by its id, does not shift positions, wherever it is: the first real token
    has number 0 and row `pad_id + 1` of the table, padding has row `pad_id`. Other tokens that a
    `padding_mask` hides do count, as in the reference; pass `position_ids` to number them
    differently.

    Inputs and arguments are those of `Bert`: int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`, `segment_ids`, `position_ids`; by default there are 50265 ids, one
    segment, and padding has the id 1. Weights start from a normal distribution of standard
    deviation 0.02.

    Heads: those of `Bert` without `next_sentence`; `sequence_classification` has its own
    transformation, and the language model heads use "gelu" whatever the activation of the layers.

    Example:

    >>> model = Roberta(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...                 heads=["masked_lm"])
    >>> model(np.full((2, 7), 5, "int32"))["masked_lm"].shape
    TensorShape([2, 7, 100])
    """

    __init__ = with_defaults(Bert.__init__, vocab_size=50265, segments=1, epsilon=1e-5, pad_id=1)

    @staticmethod
    def initializer() -> keras.initializers.Initializer:
        return keras.initializers.RandomNormal(stddev=0.02)

    @property
    def first_position(self) -> int:
        return self.pad_id + 1

    def makers(self, language_model: Callable) -> dict[str, Callable]:
        makers = super().makers(partial(language_model, activation="gelu"))
        del makers["next_sentence"]
        classifier = partial(
            transforming_classifier, self.stack.d_model, "tanh", dropout=self.dropout
        )
        return {**makers, "sequence_classification": classifier}

    def position_ids(self, token_ids: Any) -> Any:
        return token_positions(ops.not_equal(token_ids, self.pad_id))
