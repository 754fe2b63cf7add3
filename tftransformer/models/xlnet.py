"""XLNet."""

from functools import partial
from typing import Any

import keras
from keras import ops

from tftransformer.core import register
from tftransformer.heads import LanguageModelHead, Pooler, SequenceHead, SpanBeamHead, TokenHead
from tftransformer.layers import (
    MultiHeadAttention,
    RelativeScorer,
    StackState,
    TokenEmbeddings,
)
from tftransformer.masks import (
    CausalMask,
    Mask,
    MemoryMask,
    PaddingMask,
    SameLengthMask,
    TensorMask,
    check_mask,
)
from tftransformer.models.headed_model import Heads
from tftransformer.models.recurrent_model import RecurrentModel
from tftransformer.stacks import TwoStreamEncoder
from tftransformer.stacks.token_numbers import by_token


@register
class XLNet(RecurrentModel):
    """A language model over any order of the tokens (Yang et al. 2019). Defaults: XLNet-base.

    Inputs are those of `RecurrentModel`, int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`, `segment_ids`, which tell whether two tokens are in the same segment,
    `memory`, `memory_lengths`. Beside them `attention_mask`, bool (batch, length, length), True =
    the token of the row may see that of the column; or `permutation`, int (batch, length), the rank
    of each column in the order of prediction: a token sees those with lower ranks, and all see
    those with a rank below 0; `target_mapping`, float (batch, targets, length), 1 at the position
    of each target: `hidden` and the outputs of the heads are then for the targets, which are
    predicted without being seen.

    Weights start from a normal distribution of standard deviation 0.02.

    Heads: `lm`, `sequence_classification`, `token_classification`, `span`, `span_beam`,
    `multiple_choice`.

    Generation goes from left to right: no token sees a later one, so that the cache stays valid.

    With targets the `hidden_states` of `details` alternate between the content and the query
    stream. It also returns `query_attentions`, the weights of the query stream, (batch, heads,
    length, keys) for each layer, or None without targets.

    Args:
        vocab_size: number of token ids.
        num_layers: number of layers.
        d_model: width of the stack.
        num_heads: number of attention heads.
        dff: width inside the feed-forward nets.
        memory_length: how many positions the memory holds; None = all earlier ones.
        reuse_length: how many positions at the start of a segment enter the memory; None = all.
        causal: whether no token ever sees a later one.
        same_length: with `causal`, whether each token sees only as far back as the memory is long.
        clamp: the largest distance that is distinguished; None = no limit.
        dropout: rate on embeddings, sublayers, what the stack returns and the input of classifiers.
        attention_dropout: rate on the attention weights.
        activation: activation of the feed-forward nets.
        epsilon: added to the variance in the norms.
        pad_id: id of the padding token.
        summary_activation: activation in the classifiers.
        summary_column: which token classifiers read: "last", even if it is padding, which fits
            Hugging Face's rows, padded in front; or "last_token", wherever the padding is.
        starts: how many starts of a span the head `span_beam` tries.
        ends: how many ends of each it keeps.
        tied: whether the language model head shares the token table.
        mask: attention mask, apart from a token seeing itself; default: as `causal` and
            `same_length` say, without padding, and within `attention_mask`.
        heads: see `HeadedModel.make_heads`.

    Example:

    >>> model = XLNet(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64)
    >>> model({"token_ids": np.ones((2, 3), "int32"), "permutation": np.array([[2, 0, 1]] * 2),
    ...        "target_mapping": np.array([[[1.0, 0, 0]]] * 2)})["lm"].shape
    TensorShape([2, 1, 100])
    """

    keeps_hidden = False  # a step has one of the token that is to follow
    foresees_next = False  # a token is foreseen at its own place, without being seen

    input_names = (
        *RecurrentModel.input_names,
        "attention_mask",
        "permutation",
        "target_mapping",
    )

    def __init__(
        self,
        vocab_size: int = 32000,
        num_layers: int = 12,
        d_model: int = 768,
        num_heads: int = 12,
        dff: int = 3072,
        *,
        memory_length: int | None = None,
        reuse_length: int | None = None,
        causal: bool = False,
        same_length: bool = False,
        clamp: int | None = None,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        activation: Any = "gelu",
        epsilon: float = 1e-12,
        pad_id: int | None = 5,
        summary_activation: Any = "tanh",
        summary_column: str = "last",
        starts: int = 5,
        ends: int = 5,
        tied: bool = True,
        mask: Mask | None = None,
        heads: Heads = ("lm",),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if mask is None:
            mask = MemoryMask() & PaddingMask() & TensorMask()
            if causal:
                mask = mask & CausalMask()
                if same_length:
                    mask = mask & SameLengthMask()
        future = not check_mask(mask).is_causal
        common = {"dtype": self.dtype_policy}
        initial = keras.initializers.RandomNormal(stddev=0.02)
        embeddings = TokenEmbeddings(
            vocab_size,
            d_model,
            scale=False,
            embeddings_initializer=initial,
            dropout=dropout,
            pad_id=pad_id,
            name="embeddings",
            **common,
        )
        self.stack = TwoStreamEncoder(
            num_layers,
            d_model,
            num_heads,
            dff,
            memory_length=memory_length,
            reuse_length=reuse_length,
            mask=mask,
            embeddings=embeddings,
            attention=MultiHeadAttention(
                d_model,
                num_heads,
                dropout=attention_dropout,
                use_bias=False,
                kernel_initializer=initial,
                scorer=RelativeScorer(
                    d_model,
                    clamp=clamp,
                    future=future,
                    initializer=initial,
                    segments=True,
                    dropout=dropout,
                    name="scorer",
                    **common,
                ),
                name="attention",
                **common,
            ),
            dropout=dropout,
            output_dropout=dropout,
            activation_dropout=dropout,
            activation=activation,
            epsilon=epsilon,
            kernel_initializer=initial,
            name="stack",
            **common,
        )
        self.pooler = Pooler(
            summary_column,
            d_model,
            activation=summary_activation,
            kernel_initializer=initial,
            name="pooled",
            **common,
        )
        classifier = partial(SequenceHead, self.pooler, dropout=dropout)
        self.make_heads(
            heads,
            {
                "lm": partial(
                    LanguageModelHead,
                    vocab_size,
                    tied_to=embeddings.table if tied else None,
                    use_bias=True,
                ),
                "sequence_classification": classifier,
                "token_classification": TokenHead,
                "span": partial(TokenHead, labels=["start", "end"]),
                "span_beam": partial(
                    SpanBeamHead, d_model, starts=starts, ends=ends, epsilon=epsilon
                ),
                "multiple_choice": partial(classifier, labels=1, squeeze=True),
            },
            kernel_initializer=initial,
        )
        self.build()

    def run_stack(self, inputs: Any, state: Any, training: bool | None) -> Any:
        hidden = super().run_stack(inputs, state, training)
        # Without the implicit mask of the tokens, which is none of the targets.
        return ops.copy(hidden) if "target_mapping" in inputs else hidden

    def given_to_stack(self, inputs: Any) -> Any:
        given = super().given_to_stack(inputs)
        context, memory = given["context"], given["memory"]
        given["target_mapping"] = context.pop("target_mapping", None)
        past = 0 if memory is None else ops.shape(memory[0])[1]

        if "segment_ids" in context:
            own = context["query_segments"] = ops.cast(context.pop("segment_ids"), "int32")
            context["key_segments"] = ops.pad(own, ((0, 0), (past, 0)))
        if "permutation" in context:
            ranks = ops.convert_to_tensor(context["permutation"])
            known = ranks[:, None, :]
            context["attention_mask"] = (known < ranks[:, :, None]) | (known < 0)
            context["permutation"] = by_token(ranks, given["padding_mask"])
        visible = ops.cast(context.get("attention_mask", ops.ones((1, 1, 1))), "int32")
        if "attention_mask" in context:
            visible = ops.pad(visible, ((0, 0), (0, 0), (past, 0)), constant_values=1)
        context["attention_mask"] = visible
        return given

    def check_mask(self) -> None:
        """Whatever the mask: tokens are written from left to right, each seeing those before."""

    def run_step(self, ids: Any, padding_mask: Any, context: Any, state: Any) -> Any:
        rows, length = ops.shape(ids)
        keys = ops.arange(state.length) - state.position
        following = ops.arange(length, length + 1) + state.position - state.memory
        # One target, at the place of the token that is to follow.
        return self.stack(
            ids,
            padding_mask,
            target_mapping=ops.ones((rows, 1, 1)),
            context={
                **context,
                "attention_mask": keys <= ops.arange(length)[:, None],
                "permutation": ops.arange(length + 1)[None],  # from left to right
            },
            query_context={
                "query_positions": following,
                "attention_mask": keys[None] < length,
            },
            state=state,
            training=False,
        )

    def weights_in(self, state: StackState) -> dict[str, Any]:
        of_queries = [slot.cross_attention.weights for slot in state.layers]
        return {**super().weights_in(state), "query_attentions": of_queries}
