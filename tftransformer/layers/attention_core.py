"""SoftmaxAttention, the core of an attention layer."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, build_once, check_numbers, register
from tftransformer.layers.blocked_attention import Scoring, Visible, are_many, attend, window_of
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.scorers import DotProductScorer, grouped_matmul
from tftransformer.masks import Mask


@register
class SoftmaxAttention(Layer):
    """`softmax(cap(score(q, k)) + bias, where visible) · v`, head by head.

    The scores of long texts come in blocks of queries, and under a window no more of them than it
    reaches, where a `DotProductScorer` makes them, nothing is added and nobody asks for weights.

    A core of one's own is a layer with the same `build` and `call`. It may leave out what the mask
    hides, and need not know weights unless it is asked for them.

    Args:
        scorer: layer that scores queries against keys; default `DotProductScorer()`.
        dropout: rate on the weights.
        score_cap: scores are brought into ±`score_cap` by `cap · tanh(score / cap)` (Gemma 2,
            Riviere et al. 2024, §2); None = they are left as they are.
    """

    def __init__(
        self,
        scorer: keras.layers.Layer | None = None,
        *,
        dropout: float = 0.0,
        score_cap: float | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_numbers(0, or_none=True, score_cap=score_cap)
        self.scorer = scorer or DotProductScorer(dtype=self.dtype_policy, name="scorer")
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.score_cap = score_cap

    def check_mask(self, mask: Mask) -> None:
        """Raises a ValueError for a mask under which the scores would be wrong."""
        if hasattr(self.scorer, "check_mask"):
            self.scorer.check_mask(mask)

    def build(self, query_shape: Any, key_shape: Any = None, value_shape: Any = None) -> None:
        build_once(self.scorer, query_shape, query_shape)

    def call(
        self,
        query: Any,
        key: Any,
        value: Any,
        mask: Any = None,
        bias: Any = None,
        context: Mapping[str, Any] | None = None,
        expression: Mask | None = None,
        wants_weights: bool = False,
        training: bool | None = None,
    ) -> tuple[Any, Any]:
        """Attends.

        Args:
            query: float tensor (batch, heads, queries, head width).
            key: float tensor (batch, key/value heads, keys, head width); their number divides
                that of the heads, and neighbouring heads share one.
            value: float tensor shaped as `key`.
            mask: bool tensor broadcastable to (batch, heads, queries, keys), True = may attend.
            bias: float tensor broadcastable as the mask, added to the scores.
            context: the dict that masks read, for the scorer.
            expression: the mask that `mask` was made of: its `reach` says what need not be done.
            wants_weights: whether the weights are asked for.
            training: whether dropout is active.

        Returns:
            float tensor (batch, heads, queries, head width), and the weights as float32 (batch,
            heads, queries, keys), or None.
        """
        dropped = self.dropout.rate if training else 0.0
        seed = self.dropout.seed_generator.next() if dropped else None
        is_plain = type(self.scorer) is DotProductScorer and bias is None and not wants_weights
        scale = self.scorer.factor(query) if is_plain else 1.0
        scoring = Scoring(scale, self.score_cap, dropped, seed)
        if is_plain:
            window = window_of(expression, context or {})
            many = are_many(query, key, window)
            return attend(query, key, value, mask, scoring, window, many), None
        groups = query.shape[1] // key.shape[1]
        if groups > 1 and not isinstance(self.scorer, DotProductScorer):
            key = ops.repeat(key, groups, axis=1)
        scores = self.scorer(query, key, context=context)
        weights = scoring.weights(scores, Visible(mask), bias)
        kept, _ = scoring.kept(weights, value.dtype)
        return grouped_matmul(kept, value), weights if wants_weights else None
