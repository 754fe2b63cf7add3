"""Transformer."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tftransformer.core import Configurable, copy_of, register
from tftransformer.heads import LanguageModelHead
from tftransformer.layers import (
    FixedKeyValue,
    KeyValueCache,
    LayerState,
    StackState,
    TokenEmbeddings,
)
from tftransformer.masks import Mask
from tftransformer.positions import SinusoidalPositions
from tftransformer.stacks import Decoder, Encoder

TIES = ("none", "target", "all")


@register
class Transformer(Configurable, keras.Model):
    """The encoder-decoder of "Attention Is All You Need" (Vaswani et al. 2017).

    Args:
        num_layers: number of layers of each stack; like `num_heads` and `dff` one number for both
            stacks, or a pair (encoder, decoder): a deep encoder with a shallow decoder is fast.
        d_model: width of the model.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        vocab_size: number of token ids of source and target alike.
        source_vocab_size: number of source ids, where the vocabularies are separate.
        target_vocab_size: number of target ids, likewise.
        dropout: rate on embeddings and on the output of each sublayer.
        tie: which embeddings share one table: "all" (source, target and output), "target"
            (target and output) or "none". Default: "all" with one vocabulary, else "target".
        head_bias: whether each target token has a bias on its logit.
        position: layer that encodes positions, added to the embeddings of both stacks (each has
            its own copy); default `SinusoidalPositions(d_model)`.
        encoder_mask: of the encoder; default `PaddingMask()`.
        decoder_mask: of the decoder's self-attention; default `CausalMask() & PaddingMask()`.
        cross_mask: of the decoder's attention to the encoder; default `PaddingMask()`.
        pad_id: the id that is padding in source and target.
        **options: of each layer, see `EncoderLayer`: norm, activation, rotary, epsilon, …

    Example:

    >>> model = Transformer(num_layers=2, d_model=32, num_heads=4, dff=64, vocab_size=100)
    >>> ids = np.ones((3, 7), "int32")
    >>> model({"source_ids": ids, "target_ids": ids[:, :5]}).shape
    TensorShape([3, 5, 100])
    """

    def __init__(
        self,
        num_layers: int | Sequence[int],
        d_model: int,
        num_heads: int | Sequence[int],
        dff: int | Sequence[int],
        vocab_size: int | None = None,
        source_vocab_size: int | None = None,
        target_vocab_size: int | None = None,
        dropout: float = 0.1,
        tie: str | None = None,
        head_bias: bool = False,
        position: keras.layers.Layer | None = None,
        encoder_mask: Mask | None = None,
        decoder_mask: Mask | None = None,
        cross_mask: Mask | None = None,
        pad_id: int = 0,
        name: str | None = None,
        dtype: Any = None,
        **options: Any,
    ):
        trainable = options.pop("trainable", True)
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        source_size, target_size = source_vocab_size or vocab_size, target_vocab_size or vocab_size
        if not source_size or not target_size:
            raise ValueError(
                "the model does not know its vocabulary: give vocab_size, or source_vocab_size and "
                f"target_vocab_size (given: {vocab_size=}, {source_vocab_size=}, "
                f"{target_vocab_size=})."
            )
        tie = tie or ("all" if source_size == target_size == vocab_size else "target")
        if tie not in TIES:
            raise ValueError(f"tie must be one of {TIES}, not {tie!r}")
        if tie == "all" and source_size != target_size:
            raise ValueError(
                f'tie="all" needs one vocabulary, not {source_size} source and {target_size} '
                'target ids: learn a joint vocabulary, or use tie="target".'
            )
        self.d_model, self.pad_id = d_model, pad_id
        self.source_vocab_size, self.target_vocab_size = source_size, target_size
        self.max_length = getattr(position, "max_length", None)
        position = position or SinusoidalPositions(d_model, dtype=self.dtype_policy)

        def embeddings(name: str, size: int, table: Any = None) -> TokenEmbeddings:
            return TokenEmbeddings(
                size,
                d_model,
                position=copy_of(position),
                dropout=dropout,
                pad_id=pad_id,
                table=table,
                dtype=self.dtype_policy,
                name=name,
            )

        layers, heads, widths = (both(size) for size in (num_layers, num_heads, dff))
        options = {**options, "dropout": dropout, "dtype": self.dtype_policy}
        source = embeddings("source_embeddings", source_size)
        target = embeddings(
            "target_embeddings", target_size, table=source.table if tie == "all" else None
        )
        self.encoder = Encoder(
            layers[0],
            d_model,
            heads[0],
            widths[0],
            mask=encoder_mask,
            embeddings=source,
            name="encoder",
            **options,
        )
        self.decoder = Decoder(
            layers[1],
            d_model,
            heads[1],
            widths[1],
            mask=decoder_mask,
            cross_mask=cross_mask,
            embeddings=target,
            name="decoder",
            **options,
        )
        self.head = LanguageModelHead(
            target_size,
            tied_to=None if tie == "none" else target.table,
            use_bias=head_bias,
            dtype=self.dtype_policy,
            name="head",
        )
        # Every width is known, so the weights need not wait for the first batch.
        self.build()

    def build(self, inputs_shape=None):
        hidden = (None, None, self.d_model)
        self.encoder.build((None, None))
        self.decoder.build((None, None), hidden)
        if not self.head.built:
            self.head.build(hidden)

    def call(
        self,
        inputs: Mapping[str, Any],
        context: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Predicts each next target token.

        Args:
            inputs: dict of `source_ids`, int (batch, source length), and `target_ids`, int
                (batch, target length), the target shifted right behind its start token. Optional:
                `source_padding_mask` and `target_padding_mask`, bool of the same shapes, True = a
                real token; default: all ids but the pad id.
            context: further entries for all three masks.
            training: whether dropout is active.

        Returns:
            float tensor (batch, target length, target vocabulary): logits.
        """
        return self._forward(inputs, context, training=training)

    def _forward(self, inputs, context=None, encoder_state=None, decoder_state=None, training=None):
        source_ids, target_ids = self._ids(inputs)
        source_padding_mask = inputs.get("source_padding_mask")
        if source_padding_mask is None:
            source_padding_mask = self.source_padding_mask(source_ids)
        encoder_output = self.encoder(
            source_ids,
            padding_mask=source_padding_mask,
            context=context,
            state=encoder_state,
            training=training,
        )
        hidden = self.decoder(
            target_ids,
            encoder_output,
            padding_mask=inputs.get("target_padding_mask"),
            encoder_padding_mask=source_padding_mask,
            context=context,
            cross_context=context,
            state=decoder_state,
            training=training,
        )
        return self.head(hidden)

    @staticmethod
    def _ids(inputs: Mapping[str, Any]) -> tuple[Any, Any]:
        try:
            return inputs["source_ids"], inputs["target_ids"]
        except (KeyError, TypeError, IndexError):
            given = sorted(inputs) if isinstance(inputs, Mapping) else type(inputs).__name__
            raise ValueError(
                f"the inputs are a dict of 'source_ids' and 'target_ids', not {given}."
            ) from None

    def source_padding_mask(self, source_ids: Any) -> Any:
        """Returns bool (batch, source length), True = a real token."""
        return ops.not_equal(source_ids, self.pad_id)

    def details(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Runs the model without dropout and returns what it computed on the way.

        Args:
            inputs: as in `call`.

        Returns:
            dict of `logits`; `encoder_hidden_states` and `decoder_hidden_states`, lists of
            (batch, length, d_model), the embeddings first; `encoder_attentions`,
            `decoder_attentions` and `cross_attentions`, for each layer a float32 tensor (batch,
            heads, queries, keys).
        """
        if not self.built:
            self.build()
        states = [
            StackState([LayerState() for _ in stack.layers])
            for stack in (self.encoder, self.decoder)
        ]
        logits = self._forward(inputs, None, *states, training=False)
        encoder, decoder = states
        return {
            "logits": logits,
            "encoder_hidden_states": encoder.hidden_states,
            "decoder_hidden_states": decoder.hidden_states,
            "encoder_attentions": [slot.self_attention.weights for slot in encoder.layers],
            "decoder_attentions": [slot.self_attention.weights for slot in decoder.layers],
            "cross_attentions": [slot.cross_attention.weights for slot in decoder.layers],
        }

    def start_decoding(self, source_ids: Any, max_length: int, copies: int = 1):
        """Encodes the source and returns what a decoding strategy steps with.

        Args:
            source_ids: int tensor (batch, source length).
            max_length: how many target tokens, the start token included, the cache can hold.
            copies: rows for each sentence: the number of beams.

        Returns:
            `step` and the first `cache`. `step(ids, cache, position)` takes int ids
            (batch · copies, new tokens), the cache, and how many tokens it holds, and returns the
            logits (batch · copies, vocabulary) after the last of them and the new cache, a list of
            the keys and values of each layer with the rows first.
        """
        if not self.built:
            self.build()
        padding_mask = self.source_padding_mask(source_ids)
        encoder_output = self.encoder(source_ids, padding_mask=padding_mask, training=False)
        fixed = [
            layer.cross_attention.project_value(encoder_output) for layer in self.decoder.layers
        ]
        if copies > 1:
            padding_mask = ops.repeat(padding_mask, copies, axis=0)
            fixed = [tuple(ops.repeat(x, copies, axis=0) for x in pair) for pair in fixed]
        rows = ops.shape(padding_mask)[0]
        cache = [
            {
                name: ops.zeros(
                    (rows, layer.attention.num_heads, max_length, layer.attention.head_width),
                    self.compute_dtype,
                )
                for name in ("key", "value")
            }
            for layer in self.decoder.layers
        ]

        def step(ids, cache, position):
            state = StackState(
                [
                    LayerState(KeyValueCache(**own, position=position), FixedKeyValue(*source))
                    for own, source in zip(cache, fixed, strict=True)
                ],
                position=position,
                length=max_length,
            )
            hidden = self.decoder(
                ids, encoder_padding_mask=padding_mask, state=state, training=False
            )
            caches = [slot.self_attention for slot in state.layers]
            return self.head(hidden[:, -1]), [{"key": c.key, "value": c.value} for c in caches]

        return step, cache


def both(size: int | Sequence[int]) -> tuple[int, int]:
    """Returns a size of encoder and decoder: given as one number for both, or as a pair."""
    if isinstance(size, int):
        return size, size
    if len(size) != 2:
        raise ValueError(f"a size is one number, or a pair (encoder, decoder), not {size!r}")
    return tuple(size)
