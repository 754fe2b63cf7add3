"""Decoder."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.layers import DecoderLayer, StackState
from tftransformer.layers.encoder_layer import build_once
from tftransformer.masks import CausalMask, Mask, PaddingMask, check_mask
from tftransformer.stacks.encoder import Encoder, Masks, implicit_padding_mask


@register
class Decoder(Encoder):
    """A stack that attends to itself and to the output of an encoder (Vaswani et al. 2017, §3.1).

    Args:
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        mask: of the self-attention; default `CausalMask() & PaddingMask()`.
        cross_mask: of the attention to the encoder's output; default `PaddingMask()`.
        **options: of `Encoder` and, for each layer, of `DecoderLayer`.
    """

    layer_class = DecoderLayer

    def __init__(
        self,
        num_layers: int,
        d_model: int,
        num_heads: int,
        dff: int,
        *,
        mask: Masks = None,
        cross_mask: Mask | None = None,
        **options: Any,
    ):
        super().__init__(num_layers, d_model, num_heads, dff, mask=mask, **options)
        cross_mask = PaddingMask() if cross_mask is None else cross_mask
        self.cross_mask = check_mask(cross_mask, "cross_mask")

    def default_mask(self) -> Mask:
        return CausalMask() & PaddingMask()

    def build(self, inputs_shape: Any, encoder_output_shape: Any = None) -> None:
        shape = (*inputs_shape[:2], self.d_model)
        for layer in self.layers:
            build_once(layer, shape, encoder_output_shape)
        super().build(inputs_shape)

    def call(  # type: ignore[override] # with inputs of its own
        self,
        inputs: Any,
        encoder_output: Any = None,
        padding_mask: Any = None,
        encoder_padding_mask: Any = None,
        context: Mapping[str, Any] | None = None,
        cross_context: Mapping[str, Any] | None = None,
        state: StackState | None = None,
        training: bool | None = None,
    ) -> Any:
        """Runs the stack.

        Args:
            inputs: int ids (batch, length), or float vectors (batch, length, d_model) where the
                stack has no embeddings.
            encoder_output: float tensor (batch, source length, d_source); may be left out where
                `state` holds its projections.
            padding_mask: bool tensor (batch, keys), as in `Encoder.call`.
            encoder_padding_mask: bool tensor (batch, source length), True = a real token. Default:
                the implicit Keras mask of `encoder_output`, else all real. It must be given where
                `encoder_output` is left out.
            context: further entries for the mask of the self-attention.
            cross_context: further entries for the mask of the cross-attention.
            state: slots for hidden states, attention weights and caches.
            training: whether dropout is active.

        Returns:
            float tensor (batch, length, d_model), in the compute dtype.
        """
        context = self.mask_context(inputs, padding_mask, context, state)
        if encoder_padding_mask is None:
            if encoder_output is None:
                raise ValueError(
                    "the decoder has no encoder_output to attend to. Pass encoder_output, or the "
                    "encoder_padding_mask beside a state that holds its projections."
                )
            encoder_padding_mask = implicit_padding_mask(encoder_output)
        if encoder_padding_mask is None:
            encoder_padding_mask = ops.ones_like(encoder_output[:1, :, 0], dtype="bool")
        cross_context = {
            "query_positions": self._query_positions(context, state),
            "key_positions": ops.arange(ops.shape(encoder_padding_mask)[1]),
            "padding_mask": encoder_padding_mask,
            **(cross_context or {}),
        }
        return self._run(
            inputs,
            state,
            training,
            encoder_output=encoder_output,
            masks=self.masks,
            cross_attention_mask=self.cross_mask(cross_context),
            cross_expression=self.cross_mask,
            context=context,
            cross_context=cross_context,
        )

    @staticmethod
    def _query_positions(context: Mapping[str, Any], state: StackState | None) -> Any:
        """The token positions of the queries, by which the source is looked at."""
        positions = context["query_positions"]
        if state is None or state.leading is None:
            return positions
        return positions - state.leading[:, None]

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        mask = super().compute_mask(inputs, previous_mask)
        if mask is None or previous_mask is not None:
            return mask
        # The start token of a target may be the pad token (Marian), and is real.
        return ops.concatenate([ops.ones_like(mask[:, :1]), mask[:, 1:]], axis=1)

    def compute_output_shape(
        self, inputs_shape: Any, encoder_output_shape: Any = None
    ) -> tuple[int | None, ...]:
        return super().compute_output_shape(inputs_shape)
