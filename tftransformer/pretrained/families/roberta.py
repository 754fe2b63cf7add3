"""RoBERTa's files."""

from dataclasses import replace

from tftransformer.models import Roberta
from tftransformer.pretrained.families import bert
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Field
from tftransformer.pretrained.rules import Rule, dense, norm


def language_model(head: str) -> list[Rule]:
    """Rules of the masked language model head under one of its two names."""
    return [
        *dense(f"heads.{head}.transform", "lm_head.dense"),
        *norm(f"heads.{head}.norm", "lm_head.layer_norm"),
        Rule(f"heads.{head}.output_projection.bias", "lm_head.bias"),
        Rule(f"heads.{head}.output_projection.kernel", "lm_head.decoder.weight"),
    ]


# The table has rows for padding and what stands before it, beside those of the positions.
LENGTH = Field(
    "max_position_embeddings",
    "num_positions",
    lambda rows, config: rows - config["pad_token_id"] - 1,
    lambda length, arguments: length + arguments["pad_id"] + 1,
)
ROBERTA = Family(
    model_type="roberta",
    model=Roberta,
    fields=(*bert.FIELDS, LENGTH),
    defaults={**bert.DEFAULTS, "vocab_size": 50265, "pad_token_id": 1, "eos_token_id": 2},
    architectures={
        "RobertaForMaskedLM": ("masked_lm",),
        "RobertaForCausalLM": ("lm",),
        "RobertaForSequenceClassification": ("sequence_classification",),
        "RobertaForTokenClassification": ("token_classification",),
        "RobertaForQuestionAnswering": ("span",),
        "RobertaForMultipleChoice": ("pooled", "multiple_choice"),
        "RobertaModel": ("pooled",),
    },
    bodies={None: "roberta.", "RobertaModel": ""},
    rules=[
        *bert.BODY,
        *language_model("masked_lm"),
        *language_model("lm"),
        *dense("heads.sequence_classification.pooler.projection", "classifier.dense"),
        *dense("heads.sequence_classification.projection", "classifier.out_proj"),
    ],
    head_fields={
        "sequence_classification": (bert.CLASSIFIER,),
        "token_classification": (bert.CLASSIFIER,),
    },
    fixed=bert.FIXED,
    unused=bert.UNUSED,
    constants=bert.CONSTANTS,
    tied={
        "lm_head.decoder.weight": "{body}embeddings.word_embeddings.weight",
        "lm_head.decoder.bias": "lm_head.bias",
    },
    ignored=bert.IGNORED,
    aliases=bert.ALIASES,
)


def like_roberta(model_type: str, model: type[Roberta], prefix: str) -> Family:
    """Returns the family of files that differ from RoBERTa's in names alone.

    Args:
        model_type: the entry of config.json.
        model: our class.
        prefix: what names of transformers' classes begin with.
    """
    own = {name: name.replace("Roberta", prefix) for name in ROBERTA.architectures}
    return replace(
        ROBERTA,
        model_type=model_type,
        model=model,
        defaults={**ROBERTA.defaults, "vocab_size": 30522},
        architectures={own[name]: heads for name, heads in ROBERTA.architectures.items()},
        bodies={None: "roberta.", f"{prefix}Model": ""},
    )
