"""Decoder."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import build_once, register
from tftransformer.layers import DecoderLayer, StackState
from tftransformer.masks import CausalMask, Mask, PaddingMask, check_mask
from tftransformer.stacks.encoder import Encoder, Masks, implicit_padding_mask
from tftransformer.stacks.token_numbers import leading_padding


@register
class Decoder(Encoder):
    """A stack that attends to itself and to the output of an encoder (Vaswani et al. 2017, §3.1).

    Args:
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        mask: mask of the self-attention; default `CausalMask() & PaddingMask()`.
        cross_mask: mask of the cross-attention; default `PaddingMask()`.
        **options: arguments of `Encoder` and, for each layer, of `DecoderLayer`.
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
        # Whether rows that continue one source may look at it as one, wherever they stand.
        self.shares_source = all(
            getattr(getattr(layer, "cross_attention", None), "shares_keys", False)
            for layer in self.layers
        )

    def default_mask(self) -> Mask:
        return CausalMask() & PaddingMask()

    def build(self, inputs_shape: Any, encoder_output_shape: Any = None) -> None:
        shape = (*inputs_shape[:2], self.d_model)
        for layer, takes in zip(self.layers, self._layers_take, strict=True):
            source = (encoder_output_shape,) if "encoder_output" in takes else ()
            build_once(layer, shape, *source)
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
            encoder_output: float tensor (batch, source length, d_source); may be left out if
                `state` holds its projections.
            padding_mask: bool tensor (batch, keys), as in `Encoder.call`.
            encoder_padding_mask: bool tensor (batch, source length), True = a real token. Default:
                the implicit Keras mask of `encoder_output`, else all real. It is required if
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

        def across(by_place: bool) -> dict[str, Any]:
            return {
                **self._across(context, encoder_padding_mask, state, by_place),
                "padding_mask": encoder_padding_mask,
                **(cross_context or {}),
            }

        reads, compares = self.cross_mask.reads_positions, not self.shares_source
        of_mask = across(reads)
        return self._run(
            inputs,
            state,
            training,
            encoder_output=encoder_output,
            masks=self.masks,
            cross_attention_mask=self.cross_mask(of_mask),
            cross_expression=self.cross_mask,
            context=context,
            cross_context=of_mask if reads == compares else across(compares),
        )

    def _across(
        self,
        context: Mapping[str, Any],
        encoder_padding_mask: Any,
        state: StackState | None,
        by_place: bool,
    ) -> dict[str, Any]:
        """Where queries and keys stand: columns, or where places count the numbers of tokens."""
        leading = None
        if state is not None and state.length is not None:
            leading = state.leading
        elif by_place:
            leading = leading_padding(context["padding_mask"], context["key_positions"])
        queries = context["query_positions"]
        if leading is not None:
            queries = queries - leading[:, None]
        if by_place:
            keys = self._source_positions(encoder_padding_mask)
        else:
            keys = ops.arange(ops.shape(encoder_padding_mask)[1])
        return {"query_positions": queries, "key_positions": keys}

    @staticmethod
    def _source_positions(encoder_padding_mask: Any) -> Any:
        """The numbers of the tokens of the source: int (batch, source length)."""
        columns = ops.arange(ops.shape(encoder_padding_mask)[1])
        return columns - leading_padding(encoder_padding_mask, columns)[:, None]

    def project_source(self, encoder_output: Any, encoder_padding_mask: Any) -> list[Any]:
        """Returns keys and values of the source for each layer, for slots of `FixedKeyValue`.

        Args:
            encoder_output: float tensor (batch, source length, d_source).
            encoder_padding_mask: bool tensor (batch, source length), True = a real token.
        """
        positions = None if self.shares_source else self._source_positions(encoder_padding_mask)
        attentions = [layer.cross_attention for layer in self.layers]
        return [attention.project_value(encoder_output, positions) for attention in attentions]

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
