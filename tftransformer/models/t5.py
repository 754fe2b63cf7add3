"""T5."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from keras import ops

from tftransformer.core import register
from tftransformer.heads import LanguageModelHead, Pooler, SequenceHead, TokenHead
from tftransformer.layers import StackState
from tftransformer.masks import Mask
from tftransformer.models.encoder_decoder import EncoderDecoder
from tftransformer.models.headed_model import HeadedModel, Heads
from tftransformer.models.t5_encoder import normal, t5_stack, t5_table
from tftransformer.models.transformer import both
from tftransformer.stacks import Decoder, Encoder


@register
class T5(HeadedModel, EncoderDecoder):
    """The encoder-decoder of "Exploring the Limits of Transfer Learning" (Raffel et al. 2020).

    Next to `Transformer`: RMS norm before each sublayer and at the end of each stack, no biases,
    scores that are not scaled, and in place of positions a `BucketedBias` on the scores of the
    self-attention. Defaults: version 1.0, base; version 1.1 is
    `activation="gelu_tanh", gated=True, tied=False`.

    Inputs are a dict of `source_ids`, int (batch, source length), and optionally: `target_ids`,
    int (batch, target length), behind the start token (default: the source behind it, as
    classifiers are used); `source_padding_mask` (default: all ids but the pad id) and
    `target_padding_mask` (default: nothing is padding, for a target starts with the pad id too),
    bool, True = a real token.

    Outputs are a dict: `hidden`, float (batch, target length, d_model), and each head's by name.

    Heads: `lm`, `sequence_classification`, which reads the last end token, `span`.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers of each stack, or a pair (encoder, decoder).
        d_model: width of the model.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        head_width: width of one head, which need not be `d_model // num_heads`.
        num_buckets: of the position bias.
        max_distance: of the position bias, in tokens.
        activation: of the feed-forward nets.
        gated: whether a second projection gates the activation.
        tied: whether the table of the tokens gives the logits, `(h · d_model^−½) Eᵀ`; else the
            head has weights of its own.
        dropout: rate on embeddings, attention weights, sublayers and inside feed-forward nets.
        classifier_dropout: rate on what classifiers read.
        epsilon: of the norms.
        pad_id: the id that is padding in the source.
        start_id: the id that targets start with.
        end_id: the id that sources end with.
        encoder_mask: of the encoder; default `PaddingMask()`.
        decoder_mask: of the decoder's self-attention; default `CausalMask() & PaddingMask()`.
        cross_mask: of the decoder's attention to the encoder; default `PaddingMask()`.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = T5(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64, head_width=8)
    >>> ids = np.ones((3, 7), "int32")
    >>> model({"source_ids": ids, "target_ids": ids[:, :5]})["lm"].shape
    TensorShape([3, 5, 100])
    """

    def __init__(
        self,
        vocab_size: int = 32128,
        num_layers: int | Sequence[int] = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int = 3072,
        *,
        head_width: int = 64,
        num_buckets: int = 32,
        max_distance: int = 128,
        activation: Any = "relu",
        gated: bool = False,
        tied: bool = True,
        dropout: float = 0.1,
        classifier_dropout: float = 0.0,
        epsilon: float = 1e-6,
        pad_id: int = 0,
        start_id: int = 0,
        end_id: int = 1,
        encoder_mask: Mask | None = None,
        decoder_mask: Mask | None = None,
        cross_mask: Mask | None = None,
        heads: Heads = ("lm",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.d_model, self.pad_id, self.start_id = d_model, pad_id, start_id
        self.source_vocab_size = self.target_vocab_size = vocab_size
        table = t5_table(vocab_size, d_model, self.dtype_policy)
        recipe: Callable[..., Any] = partial(t5_stack, arguments=self._arguments, table=table)
        layers = both(num_layers)
        self.encoder = recipe(
            Encoder, num_layers=layers[0], mask=encoder_mask, pad_id=pad_id, name="encoder"
        )
        self.decoder = recipe(
            Decoder,
            num_layers=layers[1],
            mask=decoder_mask,
            cross_mask=cross_mask,
            pad_id=None,
            name="decoder",
        )

        def classifier(dtype: Any, **given: Any) -> SequenceHead:
            end = Pooler(
                "last_of",
                d_model,
                token_id=end_id,
                kernel_initializer=normal(d_model),
                dtype=dtype,
                name="pooler",
            )
            return SequenceHead(end, **{"dropout": classifier_dropout, **given}, dtype=dtype)

        self.make_heads(
            heads,
            {
                "lm": partial(
                    LanguageModelHead,
                    vocab_size,
                    tied_to=table if tied else None,
                    scale=d_model**-0.5 if tied else 1.0,
                ),
                "sequence_classification": classifier,
                "span": partial(TokenHead, labels=["start", "end"]),
            },
            kernel_initializer=normal(d_model),
        )
        self.build()

    def build(self, inputs_shape: Any = None) -> None:
        super().build()
        self.build_heads()

    def forward(
        self,
        inputs: Mapping[str, Any],
        heads: Iterable[str],
        encoder_state: StackState | None = None,
        decoder_state: StackState | None = None,
        training: bool | None = None,
    ) -> dict[str, Any]:
        """Runs both stacks and some of the heads."""
        inputs = self.named(inputs)
        source_ids = ops.convert_to_tensor(inputs["source_ids"])
        if "target_ids" not in inputs:
            start = ops.full_like(source_ids[:, :1], self.start_id)
            inputs = {
                **inputs,
                "target_ids": ops.concatenate([start, source_ids[:, :-1]], axis=1),
            }
        hidden = self.run_stacks(inputs, encoder_state, decoder_state, training=training)
        inputs = {**inputs, "token_ids": source_ids}
        outputs = {name: self.head_output(name, hidden, inputs, training) for name in heads}
        return {"hidden": hidden, **outputs}

    def named_outputs(self, inputs: Any, encoder_state: Any, decoder_state: Any) -> Any:
        return self.forward(inputs, self.heads, encoder_state, decoder_state, training=False)

    def logits(self, hidden: Any) -> Any:
        return self.heads["lm"](hidden)

    def check_head(self, head: str) -> None:
        if head not in self.heads:
            raise ValueError(f"the model has no head {head!r} to write by: {sorted(self.heads)}.")

    def next_logits(self, hidden: Any, head: str) -> Any:
        return self.head_output(head, hidden, {}, False)
