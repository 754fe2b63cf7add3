"""BART's files: Marian's, with learned positions and a norm on the embeddings."""

from dataclasses import replace

from tftransformer.models import Bart
from tftransformer.pretrained.entries import words
from tftransformer.pretrained.families.marian import DEFAULTS, ENTRIES, MARIAN, side
from tftransformer.pretrained.fields import Config, Field
from tftransformer.pretrained.rules import Rule, dense, norm, table

LEARNT = [
    rule
    for name in ("encoder", "decoder")
    for rule in (
        *table(f"{name}.embeddings.position.table", f"{{body}}{name}.embed_positions"),
        *norm(f"{name}.embeddings.norm", f"{{body}}{name}.layernorm_embedding"),
    )
]


def forced_start(config: Config) -> int | None:
    """The token that summaries begin with, as older files say it."""
    return config["bos_token_id"] if config.get("force_bos_token_to_be_generated") else None


BART = replace(
    MARIAN,
    model_type="bart",
    model=Bart,
    fields=(
        *ENTRIES,
        Field("vocab_size", "vocab_size"),
        Field("max_position_embeddings", "num_positions"),
        Field("classifier_dropout", "classifier_dropout"),
        Field("decoder_start_token_id", "start_id"),
        Field("eos_token_id", "end_id"),
    ),
    constants={
        name: values
        for name, values in MARIAN.constants.items()
        if name not in ("head_bias", "position")
    },
    architectures={
        "BartForConditionalGeneration": ("lm",),
        "BartForSequenceClassification": ("sequence_classification",),
        "BartForQuestionAnswering": ("span",),
        "BartModel": (),
    },
    bodies={None: "model.", "BartModel": ""},
    rules=[
        *table("encoder.embeddings.table", "{body}shared"),
        *LEARNT,
        *side("encoder"),
        *side("decoder"),
        Rule("heads.lm.bias", "final_logits_bias", shape=lambda config: (1, config["vocab_size"])),
        *dense("heads.sequence_classification.pooler.projection", "classification_head.dense"),
        *dense("heads.sequence_classification.projection", "classification_head.out_proj"),
        *dense("heads.span.projection", "qa_outputs"),
    ],
    fixed={**MARIAN.fixed, "tie_word_embeddings": True},
    expected={
        **MARIAN.expected,
        "normalize_embedding": True,
        "static_position_embeddings": False,
    },
    unused=words("""
        classif_dropout extra_pos_embeddings force_bos_token_to_be_generated num_hidden_layers
        save_step
        """),
    defaults={
        **DEFAULTS,
        "vocab_size": 50265,
        "max_position_embeddings": 1024,
        "classifier_dropout": 0.0,
        "pad_token_id": 1,
        "decoder_start_token_id": 2,
        "eos_token_id": 2,
        "bos_token_id": 0,
        "forced_eos_token_id": 2,
        "forced_bos_token_id": forced_start,
    },
    ignored=(),
)
