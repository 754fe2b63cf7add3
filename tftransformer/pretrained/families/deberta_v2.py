"""The files of DeBERTa 2 and 3."""

from typing import Any

from tftransformer.masks import PaddingMask
from tftransformer.models import DebertaV2
from tftransformer.pretrained.families import bert
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config, Field, activation
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER = "stack.layers.{n}"
THEIR_LAYER = "{body}encoder.layer.{n}"
ATTENTION, THEIR_ATTENTION = f"{LAYER}.attention", f"{THEIR_LAYER}.attention.self"
CONVOLUTION = "stack.layers.0.convolution"


def positive(theirs: str, ours: str) -> Field:
    """An entry that says by −1, or 0, that there is no such thing."""
    return Field(
        theirs,
        ours,
        lambda value, config: value if value > 0 else None,
        lambda value, arguments: value or -1,
    )


def tied(value: bool, config: Config) -> bool:
    """Whether the head is the table of the tokens, as it always is in its newer form."""
    return config["tie_word_embeddings"] or not config["legacy"]


def terms(value: Any, config: Config) -> tuple[str, ...]:
    """Which terms the scores have; the first files join their names by bars."""
    if isinstance(value, str):
        value = [name.strip() for name in value.lower().split("|")]
    return tuple(value or ())


def neighbours(size: int, config: Config) -> int:
    """How many neighbours on either side a convolution of a size sees."""
    if size > 0 and size % 2 == 0:
        raise ValueError(f"conv_kernel_size={size} has no middle: an odd number is supported.")
    return max(size - 1, 0) // 2


def normed(value: str, config: Config) -> bool:
    """Whether vectors of distances are normalised; other words say nothing."""
    return "layer_norm" in [name.strip() for name in value.lower().split("|")]


def compares_distances(model: DebertaV2) -> bool:
    """Whether a model may have projections of distances."""
    return bool(model.relative and model.terms)


def kernel_shape(config: Config) -> tuple[int, int, int]:
    """The shape of torch's kernel of a convolution."""
    return config["hidden_size"], config["hidden_size"], config["conv_kernel_size"]


def of_distances(ours: str, theirs: str, bias: bool = True) -> list[Rule]:
    """Rules of a projection of distances."""
    names = f"{ATTENTION}.{ours}", f"{THEIR_ATTENTION}.{theirs}"
    return dense(*names, bias=bias, when=compares_distances)


FIELDS = (
    Field("vocab_size", "vocab_size"),
    Field("num_hidden_layers", "num_layers"),
    Field("hidden_size", "d_model"),
    Field("num_attention_heads", "num_heads"),
    Field("intermediate_size", "dff"),
    Field("max_position_embeddings", "num_positions"),
    Field("position_biased_input", "in_embeddings"),
    Field(
        "type_vocab_size",
        "segments",
        lambda number, config: number or None,
        lambda number, arguments: number or 0,
    ),
    Field("relative_attention", "relative"),
    positive("max_relative_positions", "max_distance"),
    Field("pos_att_type", "terms", terms, lambda value, arguments: [*value]),
    Field("hidden_dropout_prob", "dropout"),
    Field("attention_probs_dropout_prob", "attention_dropout"),
    Field("pooler_dropout", "pooler_dropout"),
    activation("hidden_act"),
    activation("pooler_hidden_act", "pooler_activation"),
    Field("layer_norm_eps", "epsilon"),
    Field("pad_token_id", "pad_id"),
    Field("tie_word_embeddings", "tied", tied),
    # Two forms of one head, which name its weights differently; one of them is written.
    Field("legacy", "tied", tied, lambda value, arguments: True),
)
# The sizes of the largest model of version 2, and the scores of none.
DEFAULTS = {
    "vocab_size": 128100,
    "num_hidden_layers": 24,
    "hidden_size": 1536,
    "num_attention_heads": 24,
    "intermediate_size": 6144,
    "max_position_embeddings": 512,
    "position_biased_input": True,
    "type_vocab_size": 0,
    "relative_attention": False,
    "max_relative_positions": -1,
    "pos_att_type": None,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "pooler_dropout": 0.0,
    "hidden_act": "gelu",
    "pooler_hidden_act": "gelu",
    "layer_norm_eps": 1e-7,
    "pad_token_id": 0,
    "tie_word_embeddings": True,
    "legacy": True,
    "cls_dropout": None,
}
IMPLIED = {
    "embedding_size": lambda config: config["hidden_size"],
    "pooler_hidden_size": lambda config: config["hidden_size"],
}
# The rate of classifiers of rows; null for that of the model.
CLASSIFIER = Field(
    "cls_dropout",
    "dropout",
    save=lambda rate, arguments: None if rate == arguments["dropout"] else rate,
)


def summary(head: str) -> list[Rule]:
    """Rules of a head that reads one vector for a row."""
    return [
        *dense(f"heads.{head}.pooler.projection", "pooler.dense"),
        *dense(f"heads.{head}.projection", "classifier"),
    ]


# Shared with the first version.
RULES = [
    *table("stack.embeddings.table", "{body}embeddings.word_embeddings"),
    *table("stack.embeddings.position.table", "{body}embeddings.position_embeddings"),
    *table("stack.embeddings.segments", "{body}embeddings.token_type_embeddings"),
    *norm("stack.embeddings.norm", "{body}embeddings.LayerNorm"),
    Rule("stack.distances.table", "{body}encoder.rel_embeddings.weight"),
    *dense(f"{ATTENTION}.output_projection", f"{THEIR_LAYER}.attention.output.dense"),
    *norm(f"{LAYER}.attention_residual.norm", f"{THEIR_LAYER}.attention.output.LayerNorm"),
    *dense(f"{LAYER}.feed_forward.inner", f"{THEIR_LAYER}.intermediate.dense"),
    *dense(f"{LAYER}.feed_forward.outer", f"{THEIR_LAYER}.output.dense"),
    *norm(f"{LAYER}.feed_forward_residual.norm", f"{THEIR_LAYER}.output.LayerNorm"),
    *bert.language_model("masked_lm"),
    *summary("sequence_classification"),
    *dense("heads.token_classification.projection", "classifier"),
    *dense("heads.span.projection", "qa_outputs"),
]
TIED = {
    "cls.predictions.decoder.weight": "{body}embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
# What was pretrained beside the model, and positions of no model whose embeddings have none.
IGNORED = (*bert.IGNORED, r"^mask_predictions\.", r"embeddings\.position_embeddings\.weight$")
# The newer form of the language model head.
ALIASES = (
    *bert.ALIASES,
    (r"^lm_predictions\.lm_head\.(dense|LayerNorm)\.", r"cls.predictions.transform.\1."),
    (r"^lm_predictions\.lm_head\.bias$", "cls.predictions.bias"),
)
CONSTANTS = {"mask": lambda config: (None, PaddingMask())}
DEBERTA_V2 = Family(
    model_type="deberta-v2",
    model=DebertaV2,
    fields=(
        *FIELDS,
        positive("position_buckets", "buckets"),
        Field("share_att_key", "shared"),
        Field(
            "norm_rel_ebd",
            "distance_norm",
            normed,
            lambda value, arguments: "layer_norm" if value else "none",
        ),
        Field(
            "conv_kernel_size",
            "neighbours",
            neighbours,
            lambda number, arguments: 2 * number + 1 if number else 0,
        ),
        activation("conv_act", "convolution_activation"),
    ),
    defaults={
        **DEFAULTS,
        "position_buckets": -1,
        "share_att_key": False,
        "norm_rel_ebd": "none",
        "conv_kernel_size": 0,
        "conv_act": "tanh",
    },
    architectures={
        "DebertaV2ForMaskedLM": ("masked_lm",),
        "DebertaV2ForSequenceClassification": ("sequence_classification",),
        "DebertaV2ForTokenClassification": ("token_classification",),
        "DebertaV2ForQuestionAnswering": ("span",),
        "DebertaV2ForMultipleChoice": ("multiple_choice",),
        "DebertaV2Model": (),
    },
    bodies={None: "deberta.", "DebertaV2Model": ""},
    rules=[
        *RULES,
        *[
            rule
            for ours, theirs in {
                "query": "query_proj",
                "key": "key_proj",
                "value": "value_proj",
            }.items()
            for rule in dense(f"{ATTENTION}.{ours}", f"{THEIR_ATTENTION}.{theirs}")
        ],
        *of_distances("distance_key", "pos_key_proj"),
        *of_distances("distance_query", "pos_query_proj"),
        *norm("stack.distances.norm", "{body}encoder.LayerNorm"),
        Rule(
            f"{CONVOLUTION}.projection.kernel",
            "{body}encoder.conv.conv.weight",
            shape=kernel_shape,
            axes=(2, 1, 0),
        ),
        Rule(f"{CONVOLUTION}.projection.bias", "{body}encoder.conv.conv.bias"),
        *norm(f"{CONVOLUTION}_residual.norm", "{body}encoder.conv.LayerNorm"),
        *summary("multiple_choice"),
    ],
    head_fields={"sequence_classification": (CLASSIFIER,), "multiple_choice": (CLASSIFIER,)},
    expected={"conv_groups": 1},
    implied={
        **IMPLIED,
        "attention_head_size": lambda config: (
            config["hidden_size"] // config["num_attention_heads"]
        ),
    },
    constants=CONSTANTS,
    tied=TIED,
    ignored=IGNORED,
    aliases=ALIASES,
)
