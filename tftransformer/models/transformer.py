"""Transformer."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from tftransformer.core import build_once, check_choice, check_ints, copy_of, is_int, register
from tftransformer.heads import LanguageModelHead
from tftransformer.layers import TokenEmbeddings
from tftransformer.masks import Mask
from tftransformer.models.encoder_decoder import EncoderDecoder
from tftransformer.positions import SinusoidalPositions
from tftransformer.stacks import Decoder, Encoder

TIES = ("none", "target", "all")


@register
class Transformer(EncoderDecoder):
    """The encoder-decoder of "Attention Is All You Need" (Vaswani et al. 2017).

    Inputs are a dict of int `source_ids` and `target_ids`, (batch, length) each, and optionally
    bool `source_padding_mask` and `target_padding_mask`, True = a real token (default for both: all
    ids but the pad id). The output is the logits, float (batch, target length, target_vocab_size).

    Args:
        num_layers: number of layers of each stack; like `num_heads` and `dff`, one number for both
            stacks, or a pair (encoder, decoder): a deep encoder with a shallow decoder is fast.
        d_model: width of the model.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        vocab_size: number of token ids, for source and target.
        source_vocab_size: number of source ids, if the vocabularies are separate.
        target_vocab_size: number of target ids, if the vocabularies are separate.
        dropout: rate on embeddings and on the output of each sublayer.
        scale_embeddings: whether the vectors of tokens are multiplied by √d_model.
        tie: which embeddings share one table: "all" (source, target and output), "target" (target
            and output) or "none". Default: "all" with one vocabulary, otherwise "target".
        head_bias: whether the logits have a bias for each target token.
        position: layer that encodes positions; each stack adds its own copy to its embeddings;
            default `SinusoidalPositions(d_model)`.
        encoder_mask: mask of the encoder; default `PaddingMask()`.
        decoder_mask: mask of the decoder's self-attention; default `CausalMask() & PaddingMask()`.
        cross_mask: mask of the decoder's attention to the encoder; default `PaddingMask()`.
        pad_id: id of the padding token in source and target.
        **options: arguments of each layer, see `EncoderLayer`: norm, activation, rotary, epsilon, …

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
        *,
        vocab_size: int | None = None,
        source_vocab_size: int | None = None,
        target_vocab_size: int | None = None,
        dropout: float = 0.1,
        scale_embeddings: bool = True,
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
        check_ints(1, d_model=d_model)
        source_size, target_size, tie = vocabularies(
            vocab_size, source_vocab_size, target_vocab_size, tie
        )
        if not source_size or not target_size:
            raise ValueError(
                "the model does not know its vocabulary: give vocab_size, or source_vocab_size and "
                f"target_vocab_size (given: {vocab_size=}, {source_vocab_size=}, "
                f"{target_vocab_size=})."
            )
        check_choice(TIES, tie=tie)
        if tie == "all" and source_size != target_size:
            raise ValueError(
                f'tie="all" needs one vocabulary, not {source_size} source and {target_size} '
                'target ids: learn a joint vocabulary, or use tie="target".'
            )
        self.d_model, self.pad_id = d_model, pad_id
        self.source_vocab_size, self.target_vocab_size = source_size, target_size
        self.num_positions = getattr(position, "num_positions", None)
        position = position or SinusoidalPositions(d_model, dtype=self.dtype_policy)

        def embeddings(name: str, size: int, table: Any = None) -> TokenEmbeddings:
            return TokenEmbeddings(
                size,
                d_model,
                position=copy_of(position),
                scale=scale_embeddings,
                dropout=dropout,
                pad_id=pad_id,
                table=table,
                dtype=self.dtype_policy,
                name=name,
            )

        layers, heads, widths = (both(size) for size in (num_layers, num_heads, dff))
        check_ints(1, num_layers=min(layers))
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

    def build(self, inputs_shape: Any = None) -> None:
        super().build()
        build_once(self.head, (None, None, self.decoder.d_model))

    def call(
        self,
        inputs: Mapping[str, Any],
        context: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Predicts each next target token.

        Args:
            inputs: dict of `source_ids`, int (batch, source length), and `target_ids`, int (batch,
                target length), the target shifted right, after its start token. Optional:
                `source_padding_mask` and `target_padding_mask`, bool of the same shapes, True = a
                real token; default: all ids but the pad id, but always the start token; and what
                the masks read for each row, (batch,), such as `prefix_lengths`.
            context: further entries for all three masks.
            training: whether dropout is active.

        Returns:
            float tensor (batch, target length, target vocabulary): logits.
        """
        return self.logits(self.run_stacks(inputs, context=context, training=training))

    def logits(self, hidden: Any) -> Any:
        return self.head(hidden)

    def language_model_head(self, output: str) -> LanguageModelHead:
        """Returns the layer that computes the logits."""
        return self.head

    def named_outputs(self, inputs: Any, encoder_state: Any, decoder_state: Any) -> Any:
        hidden = self.run_stacks(inputs, encoder_state, decoder_state, training=False)
        return {"logits": self.logits(hidden)}


def vocabularies(
    vocab_size: int | None,
    source_vocab_size: int | None,
    target_vocab_size: int | None,
    tie: str | None,
) -> tuple[int | None, int | None, str]:
    """Returns the sizes of source and target, and which tables are shared, with defaults."""
    source, target = source_vocab_size or vocab_size, target_vocab_size or vocab_size
    return source, target, tie or ("all" if source == target == vocab_size else "target")


def both(size: int | Sequence[int]) -> tuple[int, int]:
    """Returns a size of encoder and decoder, given as one number for both or as a pair."""
    if is_int(size):
        return size, size
    if not isinstance(size, Sequence) or isinstance(size, str) or len(size) != 2:
        raise ValueError(f"a size is one number, or a pair (encoder, decoder), not {size!r}")
    encoder, decoder = size
    return encoder, decoder
