"""Encoder."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tftransformer.core import (
    Layer,
    build_once,
    check_ints,
    check_layer,
    copy_of,
    register,
    require,
)
from tftransformer.layers import EncoderLayer, Residual, StackState, make_norm
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.encoder_layer import arguments_of
from tftransformer.masks import Mask, PaddingMask, check_mask
from tftransformer.stacks.token_numbers import in_key_order, numbered_columns, visible_tokens

Masks = Mask | Sequence[Mask] | Callable[[int], Mask] | None

# Entries of the context that, where they are given, go to the embeddings.
EMBEDDED = ("segment_ids", "language_ids", "spelling_ids")


@register
class Encoder(Layer):
    """A stack of layers under one mask (Vaswani et al. 2017, §3.1).

    With `PaddingMask()` it is the encoder of a translator or a BERT, with `CausalMask() &
    PaddingMask()` a GPT, with `(CausalMask() | PrefixMask()) & PaddingMask()` a prefix language
    model. The mask is evaluated once per call and passed to every layer.

    Args:
        num_layers: number of layers; with 0 the stack is its embeddings.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        mask: attention mask; default `PaddingMask()`. One mask for all layers, a list with one for
            each, or a function from the number of a layer to its mask.
        embeddings: layer from int ids (batch, length) to vectors, such as `TokenEmbeddings`. It is
            passed `positions` and `training` if its `call` names them. None if the stack is called
            with vectors.
        final_norm: whether the stack ends with a norm, or the norm itself; default: True if the
            layers do not normalise their output, as with `norm="pre"`.
        output_dropout: rate on what the stack returns, as in T5, Transformer-XL and XLNet.
        position_bias: layer from positions of queries and keys to what every layer adds to its
            scores, such as `BucketedBias`; evaluated once per call, like the mask.
        distances: layer from positions of queries and keys to vectors of their distances, such as
            `DistanceVectors`; evaluated once per call. Layers find them in the context, as
            `distance_vectors`.
        order: which layer each step runs, where that is not each layer once: `[0, 0, 0]` is one
            layer three times, so that steps share their weights (Dehghani et al. 2019; Lan et al.
            2020, §3.1). A list of masks then has one for each step.
        zero_padding: whether the vectors of padding are zero before and after each layer (XLM,
            Lample and Conneau 2019); as keys they are attended to unless the mask hides them.
        **options: arguments of each layer, see `EncoderLayer`: dropout, norm, activation, epsilon,
            … If one is a layer (`attention`, …), each layer of the stack gets its own copy. A list
            (of layers, initializers, rates) holds one value for each layer, and a function of one
            argument `index` (`lambda index: 0.1 * index`) makes one for each.

    Override `make_layer` to build the layers in another way. Such a layer gets those arguments of
    `EncoderLayer.call` that its own `call` names.

    Attributes:
        layers: the layer of each step.
    """

    layer_class = EncoderLayer

    def __init__(
        self,
        num_layers: int,
        d_model: int,
        num_heads: int,
        dff: int,
        *,
        mask: Masks = None,
        embeddings: keras.layers.Layer | None = None,
        final_norm: bool | keras.layers.Layer | None = None,
        output_dropout: float = 0.0,
        position_bias: keras.layers.Layer | None = None,
        distances: keras.layers.Layer | None = None,
        order: Sequence[int] | None = None,
        zero_padding: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ):
        trainable = options.pop("trainable", True)
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        check_ints(0, num_layers=num_layers)
        order = list(range(num_layers)) if order is None else list(order)
        if not {*order} <= {*range(num_layers)}:
            raise ValueError(
                f"order={order} names layers that are none of {num_layers}, from 0 on."
            )
        num_steps = len(order)
        check_ints(1, d_model=d_model, num_heads=num_heads)
        self.d_model, self.num_heads, self.dff = d_model, num_heads, dff
        if callable(mask) and not isinstance(mask, (Mask, type)):
            mask = self._arguments["mask"] = [mask(index) for index in range(num_steps)]
        for option, given in options.items():
            if _is_by_index(given):
                chosen = [given(index) for index in range(num_layers)]
                options[option] = self._arguments[option] = chosen
        if isinstance(mask, (list, tuple)):
            if len(mask) != num_steps:
                raise ValueError(f"mask lists {len(mask)} masks for {num_steps} layers.")
            self.masks = [check_mask(one) for one in mask]
            self.mask: Mask | list[Mask] = self.masks
        else:
            self.mask = check_mask(self.default_mask() if mask is None else mask)
            self.masks = [self.mask] * num_steps
        check_layer("embeddings", embeddings, "ids", such_as="TokenEmbeddings(vocab_size, d_model)")
        width = getattr(embeddings, "d_model", d_model)
        require(
            width == d_model, "the d_model of embeddings", width, f"that of the stack, {d_model}"
        )
        check_layer("position_bias", position_bias, "queries", "keys", such_as="BucketedBias(8)")
        such_as = "DistanceVectors(d_model, 64)"
        check_layer("distances", distances, "queries", "keys", such_as=such_as)
        self.embeddings, self.position_bias = embeddings, position_bias
        self.distances = distances
        self._embeddings_take = arguments_of(embeddings) if embeddings is not None else ()
        self.zero_padding = zero_padding
        for option, given in options.items():
            if isinstance(given, (list, tuple)) and len(given) != num_layers:
                raise ValueError(
                    f"{option} lists {len(given)} layers for {num_layers}: give one for each, or "
                    "one alone, of which each layer has a copy."
                )
        made = [
            self.make_layer(index, d_model, num_heads, dff, **options)
            for index in range(num_layers)
        ]
        self.layers = [made[index] for index in order]
        for layer, own in zip(self.layers, self.masks, strict=True):
            if hasattr(layer, "check_mask"):  # one of make_layer's own may know no masks
                layer.check_mask(own)
            if position_bias is not None and hasattr(layer, "check_biased"):
                layer.check_biased()
        self._layers_take = [sorted(arguments_of(layer)) for layer in self.layers]
        self.final_norm = self._make_final_norm(final_norm)
        self.output_dropout = Dropout(
            output_dropout, dtype=self.dtype_policy, name="output_dropout"
        )

    def _make_final_norm(
        self, asked: bool | keras.layers.Layer | None
    ) -> keras.layers.Layer | None:
        if isinstance(asked, keras.layers.Layer):
            return copy_of(asked)
        last = self.layers[-1] if self.layers else None
        if asked is None:
            residual = getattr(last, "feed_forward_residual", None)
            asked = isinstance(residual, Residual) and residual.after is None
        if not asked:
            return None
        return make_norm(
            getattr(last, "normalization", "layer"),
            getattr(last, "epsilon", 1e-6),
            dtype=self.dtype_policy,
            name="final_norm",
        )

    def default_mask(self) -> Mask:
        """Returns the default mask."""
        return PaddingMask()

    def make_layer(self, index: int, *sizes: int, **options: Any) -> keras.layers.Layer:
        """Builds layer number `index`; `sizes` are d_model, num_heads, dff."""
        for name, option in options.items():
            if isinstance(option, (list, tuple)):
                option = options[name] = option[index]
            if isinstance(option, keras.layers.Layer):
                options[name] = copy_of(option)
        return self.layer_class(*sizes, **options, dtype=self.dtype_policy, name=f"layer_{index}")

    def build(self, inputs_shape: Any) -> None:
        build_once(self.embeddings, inputs_shape, dtype="int32")
        for layer in (self.position_bias, self.distances):
            build_once(layer, inputs_shape[1:2], inputs_shape[1:2], dtype="int32")
        shape = (*inputs_shape[:2], self.d_model)
        for layer in (*self.layers, self.final_norm):
            build_once(layer, shape)

    def call(
        self,
        inputs: Any,
        padding_mask: Any = None,
        context: Mapping[str, Any] | None = None,
        state: StackState | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs the stack.

        Args:
            inputs: int ids (batch, length), or float vectors (batch, length, d_model) where the
                stack has no embeddings.
            padding_mask: bool tensor (batch, keys), True = a real token. Default: the implicit
                Keras mask of `inputs`, else what the embeddings derive from the ids, else all real.
                With a cache it covers all keys of the cache.
            context: further entries for the mask (`prefix_lengths`, `query_documents`, …), and for
                embeddings: `position_ids`, if they differ from the column numbers, `segment_ids`
                and `language_ids`.
            state: slots for hidden states, attention weights and caches.
            training: whether dropout is active.

        Returns:
            float tensor (batch, length, d_model), in the compute dtype.
        """
        context = self.mask_context(inputs, padding_mask, context, state)
        return self._run(inputs, state, training, masks=self.masks, context=context)

    def mask_context(
        self,
        inputs: Any,
        padding_mask: Any = None,
        context: Mapping[str, Any] | None = None,
        state: StackState | None = None,
    ) -> dict[str, Any]:
        """Returns the dict of tensors that masks, scorers and positions read: see `call`."""
        numbered = numbered_columns(ops.shape(inputs)[1], state)
        if padding_mask is None and (state is None or state.length is None):
            padding_mask = self.compute_mask(inputs, implicit_padding_mask(inputs))
        if padding_mask is None:
            padding_mask = ops.ones_like(numbered["key_positions"], dtype="bool")[None]
        return {**numbered, "padding_mask": padding_mask, **(context or {})}

    def check_cacheable(self) -> None:
        """Raises a ValueError if steps with a cache could not equal the uncached pass."""
        for layer in self.layers:
            if not hasattr(layer, "check_cacheable"):
                raise ValueError(
                    f"{layer!r} knows no cache, so this stack cannot decode with one: a layer of "
                    "your own derives from EncoderLayer, or has its method check_cacheable()."
                )
            layer.check_cacheable()

    def empty_cache(self, rows: Any, length: Any) -> list[dict[str, Any]]:
        """Returns the buffers of each layer's self-attention for `rows` of `length` tokens."""
        self.check_cacheable()
        return [
            {
                name: ops.zeros(layer.attention.cache_shape(rows, length), self.compute_dtype)
                for name in ("key", "value")
            }
            for layer in self.layers
        ]

    def _run(
        self,
        inputs: Any,
        state: StackState | None,
        training: bool | None,
        *,
        context: Mapping[str, Any],
        masks: Sequence[Mask],
        **given: Any,
    ) -> Any:
        """Embeds the inputs and sends them through the layers."""
        x = inputs
        if self.embeddings is not None:
            positions = context.get("position_ids", context["query_positions"])
            embedded = {name: context[name] for name in EMBEDDED if name in context}
            told = {"positions": positions, "training": training}
            told = {name: told[name] for name in told if name in self._embeddings_take}
            x = self.embeddings(inputs, **told, **embedded)
        # The mask is evaluated; an implicit one must not act on the layers beside it.
        x = self._without_padding(ops.copy(x), context)
        given |= self._biased(context)
        if self.distances is not None:
            numbered = context["query_positions"], context["key_positions"]
            context = {**context, "distance_vectors": self.distances(*numbered)}
        slots = state.layers if state else [None] * len(self.layers)
        seen = evaluated(masks, context, state)
        hidden_states = self._run_layers(
            x, slots, masks=seen, context=in_key_order(context), training=training, **given
        )
        if state:
            state.hidden_states = hidden_states
        x = hidden_states[-1]
        if self.final_norm is not None:
            x = self.final_norm(x)
        return self.output_dropout(x, training=training)

    def _biased(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """What each layer adds to its scores, where the stack has such a thing."""
        if self.position_bias is None:
            return {}
        bias = self.position_bias(context["query_positions"], context["key_positions"])
        return {"position_bias": bias}

    def _run_layers(
        self, x: Any, slots: list[Any], masks: list[dict[str, Any]], **given: Any
    ) -> list[Any]:
        """Sends the embedded inputs through the layers: `x` and the output of each of them."""
        hidden_states = [x]
        for index, (slot, seen) in enumerate(zip(slots, masks, strict=True)):
            x = self._run_layer(index, hidden_states[-1], slot, **seen, **given)
            hidden_states.append(self._without_padding(x, given["context"]))
        return hidden_states

    def _run_layer(self, index: int, x: Any, slot: Any, **given: Any) -> Any:
        """Sends the vectors through layer `index`, which is told what its call names."""
        told = {"state": slot, **given}
        takes = self._layers_take[index]
        return self.layers[index](x, **{name: told[name] for name in told if name in takes})

    def _without_padding(self, x: Any, context: Mapping[str, Any]) -> Any:
        """The vectors (batch, length, d_model), those of padding zero if they are to be."""
        if not self.zero_padding:
            return x
        # The mask covers all keys of a memory or a cache, the vectors only those of this call.
        is_token = ops.take(context["padding_mask"], context["query_columns"], axis=1)
        return x * ops.expand_dims(ops.cast(is_token, x.dtype), -1)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Returns the given mask, else that of the embeddings: bool (batch, length), or None."""
        if previous_mask is not None or self.embeddings is None:
            return previous_mask
        return self.embeddings.compute_mask(inputs, None)

    def compute_output_shape(self, inputs_shape: Any) -> tuple[int | None, ...]:
        return (*inputs_shape[:2], self.d_model)


def _is_by_index(given: Any) -> bool:
    """Whether an option is a function from the number of a layer; activations are functions too."""
    return inspect.isfunction(given) and [*inspect.signature(given).parameters] == ["index"]


def evaluated(
    masks: Sequence[Mask], context: Mapping[str, Any], state: StackState | None = None
) -> list[dict[str, Any]]:
    """Returns the mask arguments of each layer: the tensor, made once per mask, and the mask."""
    tensors: dict[Mask, Any] = {}
    for mask in masks:
        if mask not in tensors:
            tensors[mask] = visible_tokens(mask, context, state)
    return [{"attention_mask": tensors[mask], "expression": mask} for mask in masks]


def implicit_padding_mask(inputs: Any) -> Any:
    """Returns the implicit Keras mask of `inputs`, or None."""
    return getattr(inputs, "_keras_mask", None)
