"""ModernBERT's files."""

from collections.abc import Sequence
from typing import Any

from tftransformer.masks import PaddingMask
from tftransformer.models import ModernBert
from tftransformer.models.modern_bert import seen_whole
from tftransformer.pretrained.entries import words
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config, Field, activation
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER = "stack.layers.{n}"
THEIR_LAYER = "{body}layers.{n}"
FULL, LOCAL = "full_attention", "sliding_attention"
# For each kind of layer the entry for the base of its rotary frequencies.
BASES = {FULL: "global_rope_theta", LOCAL: "local_rope_theta"}
POOLING = {"cls": "first", "mean": "mean"}


def respelled(config: Config) -> Config:
    """The bases that transformers 5 writes by kinds of layers, under the names of 4."""
    config = dict(config)
    for kind, own in (config.pop("rope_parameters", None) or {}).items():
        told = own or {}
        if kind not in BASES or told.get("rope_type", "default") != "default":
            raise ValueError(
                f"rope_parameters has {kind!r}: {own!r}; only {[*BASES]} with the rope_type "
                "'default' are supported."
            )
        if "rope_theta" in told:
            config[BASES[kind]] = told["rope_theta"]
    return config


def kinds(layers: int | Sequence[int], number: int) -> list[str]:
    """What each of so many layers sees, in transformers 5's words."""
    return [FULL if whole else LOCAL for whole in seen_whole(layers, number)]


def global_layers(value: Any, config: Config) -> int | tuple[int, ...]:
    """Every how many layers one sees the whole text, else the numbers of those that do."""
    found, number = config["layer_types"], config["num_hidden_layers"]
    if len(found) != number or not {*found} <= {FULL, LOCAL}:
        raise ValueError(
            f"layer_types={found!r} does not say {FULL!r} or {LOCAL!r} of {number} layers."
        )
    said = config["global_attn_every_n_layers"]
    for every in (*([said] if said else ()), *range(1, number + 1)):
        if kinds(every, number) == found:
            return every
    return tuple(index for index, kind in enumerate(found) if kind == FULL)


def pooling(value: str, config: Config) -> str:
    """Which vector classifiers read."""
    if value not in POOLING:
        raise ValueError(f"classifier_pooling is {value!r}, which is none of {sorted(POOLING)}.")
    return POOLING[value]


def parts(ours: str, theirs: str, part: tuple[int, int]) -> list[Rule]:
    """Rules of a projection that is one of several which stand in one of the file."""
    return dense(ours, theirs, part=part, axis=0)


def classifier(head: str) -> list[Rule]:
    """Rules of a head that transforms states first."""
    return [
        *dense(f"heads.{head}.transform.projection", "head.dense"),
        *norm(f"heads.{head}.transform.norm", "head.norm"),
        *dense(f"heads.{head}.projection", "classifier"),
    ]


CLASSIFIERS = ("sequence_classification", "token_classification", "span", "multiple_choice")
MODERN_BERT = Family(
    model_type="modernbert",
    model=ModernBert,
    fields=(
        Field("vocab_size", "vocab_size"),
        Field("num_hidden_layers", "num_layers"),
        Field("hidden_size", "d_model"),
        Field("num_attention_heads", "num_heads"),
        Field("intermediate_size", "dff"),
        Field(
            "layer_types",
            "global_layers",
            global_layers,
            lambda layers, arguments: kinds(layers, arguments["num_layers"]),
        ),
        Field(  # without it transformers 4 does not load what it has no word for
            "global_attn_every_n_layers",
            "global_layers",
            global_layers,
            lambda layers, arguments: layers if isinstance(layers, int) else None,
        ),
        Field("local_attention", "window"),
        Field("global_rope_theta", "global_base"),
        Field(
            "local_rope_theta",
            "local_base",
            lambda base, config: config["global_rope_theta"] if base is None else base,
        ),
        Field("attention_dropout", "attention_dropout"),
        Field("mlp_dropout", "feed_forward_dropout"),
        Field("embedding_dropout", "embedding_dropout"),
        activation("hidden_activation"),
        activation("classifier_activation", "head_activation"),
        Field(
            "classifier_pooling",
            "pooling",
            pooling,
            lambda ours, arguments: {ours: theirs for theirs, ours in POOLING.items()}[ours],
        ),
        Field("norm_eps", "epsilon"),
        Field("attention_bias", "attention_bias"),
        Field("mlp_bias", "feed_forward_bias"),
        Field("norm_bias", "norm_bias"),
        Field("classifier_bias", "head_bias"),
        Field("decoder_bias", "output_bias"),
        Field("pad_token_id", "pad_id"),
        Field("tie_word_embeddings", "tied"),
    ),
    # The base model.
    defaults={
        "vocab_size": 50368,
        "num_hidden_layers": 22,
        "hidden_size": 768,
        "num_attention_heads": 12,
        "intermediate_size": 1152,
        "global_attn_every_n_layers": 3,
        "layer_types": lambda config: kinds(
            config["global_attn_every_n_layers"], config["num_hidden_layers"]
        ),
        "local_attention": 128,
        "global_rope_theta": 160000.0,
        "local_rope_theta": 10000.0,
        "attention_dropout": 0.0,
        "mlp_dropout": 0.0,
        "embedding_dropout": 0.0,
        "hidden_activation": "gelu",
        "classifier_activation": "gelu",
        "classifier_pooling": "cls",
        "classifier_dropout": 0.0,
        "norm_eps": 1e-5,
        "attention_bias": False,
        "mlp_bias": False,
        "norm_bias": False,
        "classifier_bias": False,
        "decoder_bias": True,
        "pad_token_id": 50283,
        "bos_token_id": 50281,
        "eos_token_id": 50282,
        "cls_token_id": 50281,
        "sep_token_id": 50282,
        "tie_word_embeddings": True,
    },
    architectures={
        "ModernBertForMaskedLM": ("masked_lm",),
        **{
            f"ModernBertFor{name}": (head,)
            for name, head in zip(
                (
                    "SequenceClassification",
                    "TokenClassification",
                    "QuestionAnswering",
                    "MultipleChoice",
                ),
                CLASSIFIERS,
                strict=True,
            )
        },
        "ModernBertModel": (),
    },
    bodies={None: "model.", "ModernBertModel": ""},
    rules=[
        *table("stack.embeddings.table", "{body}embeddings.tok_embeddings"),
        *norm("stack.embeddings.norm", "{body}embeddings.norm"),
        *norm(f"{LAYER}.attention_residual.norm", f"{THEIR_LAYER}.attn_norm"),
        *[
            rule
            for index, ours in enumerate(("query", "key", "value"))
            for rule in parts(f"{LAYER}.attention.{ours}", f"{THEIR_LAYER}.attn.Wqkv", (index, 3))
        ],
        *dense(f"{LAYER}.attention.output_projection", f"{THEIR_LAYER}.attn.Wo"),
        *norm(f"{LAYER}.feed_forward_residual.norm", f"{THEIR_LAYER}.mlp_norm"),
        *parts(f"{LAYER}.feed_forward.inner", f"{THEIR_LAYER}.mlp.Wi", (0, 2)),
        *parts(f"{LAYER}.feed_forward.gate", f"{THEIR_LAYER}.mlp.Wi", (1, 2)),
        *dense(f"{LAYER}.feed_forward.outer", f"{THEIR_LAYER}.mlp.Wo"),
        *norm("stack.final_norm", "{body}final_norm"),
        *dense("heads.masked_lm.transform", "head.dense"),
        *norm("heads.masked_lm.norm", "head.norm"),
        Rule("heads.masked_lm.output_projection.bias", "decoder.bias"),
        Rule("heads.masked_lm.output_projection.kernel", "decoder.weight"),
        *[rule for head in CLASSIFIERS for rule in classifier(head)],
    ],
    head_fields={head: (Field("classifier_dropout", "dropout"),) for head in CLASSIFIERS},
    expected={"rope_scaling": None},
    # There is no table of positions that could end. How transformers computes, also its loss. What
    # the published file says of norms and positions, and nobody reads.
    unused=words("""
        max_position_embeddings
        deterministic_flash_attn initializer_cutoff_factor reference_compile
        repad_logits_with_grad sparse_pred_ignore_index sparse_prediction
        layer_norm_eps position_embedding_type
        """),
    respelled=respelled,
    synonyms={"rope_theta": "global_rope_theta"},
    constants={"mask": lambda config: (None, PaddingMask())},
    tied={"decoder.weight": "{body}embeddings.tok_embeddings.weight"},
)
