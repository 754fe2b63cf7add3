"""TwoStreamEncoder."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tftransformer.core import register
from tftransformer.layers import FixedKeyValue, LayerState, StackState, TwoStreamLayer
from tftransformer.layers.attention_state import AttentionState
from tftransformer.masks import Mask, PaddingMask, SlidingWindowMask
from tftransformer.stacks.encoder import Masks, evaluated
from tftransformer.stacks.recurrent_encoder import RecurrentEncoder
from tftransformer.stacks.token_numbers import in_key_order


@register
class TwoStreamEncoder(RecurrentEncoder):
    """A stack with a content stream and a query stream (XLNet, Yang et al. 2019, §2.3).

    The content stream contains the tokens. The query stream runs if there is a `target_mapping`: it
    has one vector for each target, all equal at the start, which attend to the content stream
    through the same weights.

    Args:
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        mask: attention mask of the query stream; default `PaddingMask()`. In the content stream
            each position also sees itself.
        **options: arguments of `RecurrentEncoder` and, for each layer, of `EncoderLayer`.
            `output_dropout` also acts on the first vectors of the query stream.
    """

    layer_class = TwoStreamLayer

    def __init__(
        self,
        num_layers: int,
        d_model: int,
        num_heads: int,
        dff: int,
        *,
        mask: Masks = None,
        **options: Any,
    ):
        super().__init__(num_layers, d_model, num_heads, dff, mask=mask, **options)
        self.content_masks = [mask | SlidingWindowMask(0) for mask in self.masks]

    def default_mask(self) -> Mask:
        return PaddingMask()

    def build(self, inputs_shape: Any) -> None:
        super().build(inputs_shape)
        self.target = self.add_weight(
            shape=(self.d_model,),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="target",
        )

    def call(  # type: ignore[override] # with inputs of its own
        self,
        inputs: Any,
        padding_mask: Any = None,
        memory: Sequence[Any] | None = None,
        target_mapping: Any = None,
        context: Mapping[str, Any] | None = None,
        query_context: Mapping[str, Any] | None = None,
        state: StackState | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs the stack over one segment.

        Args:
            inputs: int ids (batch, length), or float vectors (batch, length, d_model) where the
                stack has no embeddings.
            padding_mask: bool tensor (batch, length), True = a real token, as in `Encoder.call`.
            memory: for each layer a float tensor (batch, M, d_model); None = there is none.
            target_mapping: float tensor (batch, targets, length), 1 at the position of each target;
                None = the content stream only.
            context: further entries for masks and scorers.
            query_context: entries that differ for the query stream.
            state: slots for hidden states, attention weights and caches. Its `hidden_states`
                alternate between the streams, content first; the weights of the query stream are
                those of `cross_attention`.
            training: whether dropout is active.

        Returns:
            float tensor in the compute dtype: the query stream (batch, targets, d_model) if there
            is one, else the content stream (batch, length, d_model).
        """
        context = self.mask_context(inputs, padding_mask, context, state, memory)
        given: dict[str, Any] = {"memory": memory, "masks": self.content_masks}
        if target_mapping is not None:
            for layer in self.layers:
                layer.check_two_streams()
            query_context = {**context, **(query_context or {})}
            del query_context["query_columns"]  # targets stand where they are mapped to
            given["targets"] = {
                "target_mapping": target_mapping,
                "masks": evaluated(self.masks, query_context, state),
                "context": in_key_order(query_context),
                **self._biased(query_context),
            }
        return self._run(inputs, state, training, context=context, **given)

    def _run_layers(
        self, x: Any, slots: Any, masks: Any, memory: Any = None, targets: Any = None, **given: Any
    ) -> Any:
        if targets is None:
            return super()._run_layers(x, slots, masks, memory=memory, **given)
        rows, count, _ = ops.shape(targets["target_mapping"])
        targets, query_masks = dict(targets), targets["masks"]
        del targets["masks"]
        start = ops.broadcast_to(ops.cast(self.target, x.dtype), (rows, count, self.d_model))
        start = self.output_dropout(start, training=given["training"])
        streams = [x, start]
        for index, layer in enumerate(self.layers):
            slot = slots[index] or LayerState()
            wants_weights = slot.self_attention.wants_weights
            if type(slot.self_attention) is AttentionState:
                slot.self_attention = FixedKeyValue()  # projected once, for both streams
                slot.self_attention.wants_weights = wants_weights
            content = self._run_layer(
                index, streams[-2], slot, memory=memory, **masks[index], **given
            )
            content = self._without_padding(content, given["context"])
            keys: Any = slot.self_attention
            slot.cross_attention = FixedKeyValue(keys.key, keys.value)
            slot.cross_attention.wants_weights = wants_weights
            query = layer.query_stream(
                streams[-1],
                state=slot.cross_attention,
                training=given["training"],
                **query_masks[index],
                **targets,
            )
            streams += [content, query]
        return streams

    def update_memory(
        self, hidden_states: Any, memory: Any = None, padding_mask: Any = None
    ) -> Any:
        if len(hidden_states) > len(self.layers) + 1:
            hidden_states = hidden_states[::2]  # of the content stream
        return super().update_memory(hidden_states, memory, padding_mask)
