"""MultiHeadAttention."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, build_once, check_ints, check_layer, register
from tftransformer.layers.attention_core import SoftmaxAttention
from tftransformer.layers.attention_state import AttentionState
from tftransformer.layers.projection import make_projection
from tftransformer.masks import Mask, as_bool, with_heads


@register
class MultiHeadAttention(Layer):
    """Attention with several parallel heads (Vaswani et al. 2017, §3.2.2).

    `softmax(score(Q W_q, K W_k) + bias, where visible) · V W_v`, with the heads joined by `W_o`.

    Args:
        d_model: width of the output.
        num_heads: number of heads.
        head_width: width of one head; default `d_model // num_heads`, which must divide evenly.
        num_key_value_heads: number of heads of keys and values, each shared by as many
            neighbouring heads of queries (Ainslie et al. 2023); default `num_heads`.
        dropout: rate on the attention weights.
        use_bias: whether the four projections have a bias.
        key_bias: whether the projection of the keys has one; default: `use_bias`.
        output_bias: whether the projection that joins the heads has one; default: `use_bias`.
        scorer: layer that scores queries against keys; default `DotProductScorer()`.
        core: layer from projected queries, keys and values to the result, in place of
            `SoftmaxAttention(scorer, dropout=dropout)`.
        rotary: `RotaryPositions()`, or None; not together with a `RelativeScorer`.
        query_norm: layer that normalises each head's queries before `rotary`, or None.
        key_norm: the same for the keys.
        kernel_initializer: initializer of the four projections.
        query_initializer: initializer of the query's projection; default: `kernel_initializer`.
        output_initializer: initializer of the projection that joins the heads; default:
            `kernel_initializer`.

    Example:

    >>> layer = MultiHeadAttention(d_model=32, num_heads=4, num_key_value_heads=2)
    >>> layer(np.ones((2, 5, 32), "float32")).shape
    TensorShape([2, 5, 32])
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        head_width: int | None = None,
        *,
        num_key_value_heads: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        key_bias: bool | None = None,
        output_bias: bool | None = None,
        scorer: keras.layers.Layer | None = None,
        core: keras.layers.Layer | None = None,
        rotary: keras.layers.Layer | None = None,
        query_norm: keras.layers.Layer | None = None,
        key_norm: keras.layers.Layer | None = None,
        kernel_initializer: Any = "glorot_uniform",
        query_initializer: Any = None,
        output_initializer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_ints(1, d_model=d_model, num_heads=num_heads)
        check_ints(1, or_none=True, head_width=head_width, num_key_value_heads=num_key_value_heads)
        if head_width is None and d_model % num_heads:
            raise ValueError(
                f"d_model={d_model} does not divide into num_heads={num_heads} heads: choose "
                "another number of heads, or give head_width."
            )
        self.d_model, self.num_heads = d_model, num_heads
        self.head_width = head_width or d_model // num_heads
        self.num_key_value_heads = num_key_value_heads or num_heads
        if num_heads % self.num_key_value_heads:
            raise ValueError(
                f"{num_heads=} heads of queries cannot share {num_key_value_heads=} of keys and "
                "values evenly: choose a divisor."
            )
        if core is not None and (scorer is not None or dropout):
            raise ValueError(
                "a core has its own scorer and dropout: core=SoftmaxAttention(scorer, dropout=…)."
            )
        self.core = core or SoftmaxAttention(
            scorer, dropout=dropout, dtype=self.dtype_policy, name="core"
        )
        check_layer("rotary", rotary, "heads", "positions", such_as="RotaryPositions()")
        if rotary is not None and not getattr(self.scorer, "takes_rotated", True):
            raise ValueError(
                f"rotary={rotary!r} does not go with {type(self.scorer).__name__}, which has a "
                "place for each distance already and compares queries with what is not rotated: "
                "rotary=None, or another scorer, such as DotProductScorer()."
            )
        self.rotary, self.query_norm, self.key_norm = rotary, query_norm, key_norm

        def projection(
            name: str, width: int, initializer: Any = None, bias: bool = use_bias
        ) -> keras.layers.Dense:
            initializer = initializer or kernel_initializer
            return make_projection(name, width, bias, initializer, self.dtype_policy)

        shared_width = self.num_key_value_heads * self.head_width
        self.query = projection("query", num_heads * self.head_width, query_initializer)
        self.key = projection("key", shared_width, bias=use_bias if key_bias is None else key_bias)
        self.value = projection("value", shared_width)
        joins_by_bias = use_bias if output_bias is None else output_bias
        self.output_projection = projection("output", d_model, output_initializer, joins_by_bias)

    @property
    def scorer(self) -> keras.layers.Layer | None:
        """The scorer of the core, or None if the core has none."""
        return getattr(self.core, "scorer", None)

    def check_mask(self, mask: Mask) -> None:
        """Raises a ValueError for a mask that the core cannot apply correctly."""
        if hasattr(self.core, "check_mask"):
            self.core.check_mask(mask)

    def build(self, query_shape: Any, value_shape: Any = None) -> None:
        value_shape = value_shape or query_shape
        heads = (query_shape[0], self.num_heads, None, self.head_width)
        shared = (query_shape[0], self.num_key_value_heads, None, self.head_width)
        self.query.build(query_shape)
        self.key.build(value_shape)
        self.value.build(value_shape)
        self.output_projection.build((*query_shape[:-1], self.num_heads * self.head_width))
        build_once(self.core, heads, shared, shared)
        build_once(self.query_norm, heads)
        build_once(self.key_norm, shared)
        build_once(self.rotary, heads)

    def _split(self, x: Any) -> Any:
        """(batch, length, heads · width) → (batch, heads, length, width)."""
        batch, length = ops.shape(x)[:2]
        heads = x.shape[-1] // self.head_width
        if x.shape[1] == 1:  # a step of decoding: nothing changes places
            return ops.reshape(x, (batch, heads, 1, self.head_width))
        return ops.transpose(ops.reshape(x, (batch, length, heads, self.head_width)), (0, 2, 1, 3))

    def _join(self, x: Any) -> Any:
        """(batch, heads, length, width) → (batch, length, heads · width)."""
        batch, _, length, _ = ops.shape(x)
        if x.shape[2] != 1:
            x = ops.transpose(x, (0, 2, 1, 3))
        return ops.reshape(x, (batch, length, self.num_heads * self.head_width))

    def scored(self, context: Mapping[str, Any], training: bool | None) -> Mapping[str, Any]:
        """Returns the context as the scorer reads it."""
        return context

    @property
    def shares_keys(self) -> bool:
        """Whether rows of queries may be scored together, since their positions do not matter."""
        return self.rotary is None and getattr(self.scorer, "reads_content_alone", False)

    def cache_shape(self, rows: Any, length: Any) -> tuple[Any, ...]:
        """Returns the shape of a buffer for the keys, or the values, of `length` tokens."""
        return (rows, self.num_key_value_heads, length, self.head_width)

    def project_value(self, value: Any, positions: Any = None) -> tuple[Any, Any]:
        """Projects the keys and values to attend to.

        Args:
            value: float tensor (batch, keys, d_value).
            positions: int tensor (keys,) or (batch, keys), for `rotary`.

        Returns:
            keys and values, float tensors (batch, key/value heads, keys, head width).
        """
        key = self._split(self.key(value))
        if self.key_norm is not None:
            key = self.key_norm(key)
        if self.rotary is not None:
            key = self.rotary(key, positions)
        return key, self._split(self.value(value))

    def call(
        self,
        query: Any,
        value: Any = None,
        attention_mask: Any = None,
        position_bias: Any = None,
        context: Mapping[str, Any] | None = None,
        expression: Mask | None = None,
        state: AttentionState | None = None,
        training: bool | None = None,
    ) -> Any:
        """Attends from `query` to `value` (Vaswani et al. 2017, eq. 1).

        Args:
            query: float tensor (batch, queries, d_query).
            value: float tensor (batch, keys, d_value); default: `query` (self-attention).
            attention_mask: bool tensor (batch, queries, keys), as Keras has it, or broadcastable to
                (batch, heads, queries, keys), True = may attend; default: the implicit Keras mask
                of `value`, else all may attend. A query that may attend to nothing yields 0 before
                the output projection.
            position_bias: float tensor (queries, keys), or broadcastable to (batch, heads,
                queries, keys), added to the scores.
            context: the dict that masks read; `rotary` reads its `query_positions`, or, where
                tokens attend to each other, its `position_ids`, and the scorer all of it.
            expression: the mask from which `attention_mask` was computed, for the core.
            state: slot that receives the weights, if it wants them, and, if it is a cache, the keys
                and values.
            training: whether dropout is active.

        Returns:
            float tensor (batch, queries, d_model), in the compute dtype.
        """
        context = context or {}
        if state is None:
            state = AttentionState()
            state.wants_weights = False
        heads = self._split(self.query(query))
        if self.query_norm is not None:
            heads = self.query_norm(heads)
        value = query if value is None else value
        own = context.get("position_ids") if value is query else None
        if self.rotary is not None:
            heads = self.rotary(heads, context.get("query_positions") if own is None else own)
        if attention_mask is None:
            attention_mask = implicit_mask(value)
        else:
            attention_mask = with_heads(as_bool(attention_mask, "attention_mask"))
            _check_queries(attention_mask, query)
        positions = context.get(state.new_keys_at) if own is None else own
        key, values = state.extend(lambda: self.project_value(value, positions))
        if position_bias is not None and len(position_bias.shape) == 3:
            raise ValueError(
                f"position_bias of shape {tuple(position_bias.shape)} may be of the batch or "
                "of the heads: give (batch, heads, queries, keys), or (queries, keys)."
            )
        seen, state.weights = self.core(
            heads,
            key,
            values,
            mask=attention_mask,
            bias=position_bias,
            context=self.scored(context, training),
            expression=expression,
            wants_weights=state.wants_weights,
            training=training,
        )
        return self.output_projection(self._join(seen))

    def compute_output_shape(
        self, query_shape: Any, value_shape: Any = None
    ) -> tuple[int | None, ...]:
        return (*query_shape[:-1], self.d_model)


def _check_queries(mask: Any, query: Any) -> None:
    given, expected = mask.shape[-2], query.shape[1]
    if given not in (1, None, expected) and expected is not None:
        raise ValueError(
            f"attention_mask is of {given} queries, and the layer was called with {expected}. A "
            "mask of the keys alone, (batch, keys), goes in as mask[:, None]."
        )


def implicit_mask(value: Any) -> Any:
    """Returns the mask that Keras attached to `value` as (batch, 1, 1, keys), or None."""
    mask = getattr(value, "_keras_mask", None)
    return None if mask is None else mask[:, None, None]
