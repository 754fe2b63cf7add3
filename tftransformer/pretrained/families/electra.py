"""ELECTRA's files: BERT's, with embeddings of their own width and other heads."""

from collections.abc import Mapping
from typing import Any

from tftransformer.models import Electra
from tftransformer.pretrained.families import bert
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Field
from tftransformer.pretrained.rules import Rule, dense, norm


def embedding_size(width: int | None, arguments: Mapping[str, Any]) -> int:
    """The entry for the width of the embeddings, which says whether there is a projection."""
    if width == arguments["d_model"]:
        raise ValueError(
            f"Hugging Face has no projection of embeddings of the model's width, {width}: build "
            "the model with embedding_width=None."
        )
    return width or arguments["d_model"]


def language_model(head: str) -> list[Rule]:
    """Rules of the generator's head under one of its two names."""
    return [
        *dense(f"heads.{head}.transform", "generator_predictions.dense"),
        *norm(f"heads.{head}.norm", "generator_predictions.LayerNorm"),
        Rule(f"heads.{head}.output_projection.bias", "generator_lm_head.bias"),
        Rule(f"heads.{head}.output_projection.kernel", "generator_lm_head.weight"),
    ]


# How the head for multiple choice reads a sequence.
SUMMARY = {
    "summary_type": "first",
    "summary_use_proj": True,
    "summary_proj_to_labels": False,
    "summary_activation": "gelu",
    "summary_first_dropout": 0,
}
ELECTRA = Family(
    model_type="electra",
    model=Electra,
    fields=(
        *bert.FIELDS,
        Field("max_position_embeddings", "num_positions"),
        Field(
            "embedding_size",
            "embedding_width",
            lambda width, config: None if width == config["hidden_size"] else width,
            embedding_size,
        ),
    ),
    defaults={
        **bert.DEFAULTS,
        "embedding_size": 128,
        "hidden_size": 256,
        "num_attention_heads": 4,
        "intermediate_size": 1024,
        "summary_last_dropout": 0.1,
    },
    architectures={
        "ElectraForPreTraining": ("replaced",),
        "ElectraForMaskedLM": ("masked_lm",),
        "ElectraForCausalLM": ("lm",),
        "ElectraForSequenceClassification": ("sequence_classification",),
        "ElectraForTokenClassification": ("token_classification",),
        "ElectraForQuestionAnswering": ("span",),
        "ElectraForMultipleChoice": ("multiple_choice",),
        "ElectraModel": (),
    },
    bodies={None: "electra.", "ElectraModel": ""},
    rules=[
        *bert.BODY,
        *dense("stack.embeddings.projection", "{body}embeddings_project"),
        *language_model("masked_lm"),
        *language_model("lm"),
        *dense("heads.replaced.transform.projection", "discriminator_predictions.dense"),
        *dense("heads.replaced.projection", "discriminator_predictions.dense_prediction"),
        *dense("heads.sequence_classification.pooler.projection", "classifier.dense"),
        *dense("heads.sequence_classification.projection", "classifier.out_proj"),
        *dense("heads.multiple_choice.pooler.projection", "sequence_summary.summary"),
    ],
    head_fields={
        "sequence_classification": (bert.CLASSIFIER,),
        "token_classification": (bert.CLASSIFIER,),
        "multiple_choice": (Field("summary_last_dropout", "dropout"),),
    },
    fixed=bert.FIXED,
    head_fixed={"multiple_choice": SUMMARY},
    tied={"generator_lm_head.weight": "{body}embeddings.word_embeddings.weight"},
    ignored=bert.IGNORED,
    aliases=bert.ALIASES,
)
