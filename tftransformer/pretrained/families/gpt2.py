"""GPT-2's files."""

from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.models import Gpt2
from tftransformer.pretrained.families.gpt import (
    CHOICE,
    DEFAULTS,
    FIELDS,
    IGNORED,
    LAYERS,
    SUMMARY,
    SYNONYMS,
    UNUSED,
)
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Field, activation
from tftransformer.pretrained.rules import dense, norm, table

# The rate of the head for token classification, which is no other's where it is null.
TAGS = Field(
    "classifier_dropout",
    "dropout",
    lambda rate, config: 0.1 if rate is None else rate,
    lambda rate, arguments: None if rate == 0.1 else rate,
)
GPT2 = Family(
    model_type="gpt2",
    model=Gpt2,
    fields=(
        *FIELDS,
        Field("n_inner", "dff"),
        Field("scale_attn_weights", "scaled_scores"),
        Field("scale_attn_by_inverse_layer_idx", "scaled_by_depth"),
        activation("activation_function"),
    ),
    defaults={
        **DEFAULTS,
        "vocab_size": 50257,
        "n_positions": 1024,
        "n_inner": None,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "activation_function": "gelu_new",
        "classifier_dropout": None,
        "eos_token_id": 50256,
    },
    architectures={
        "GPT2LMHeadModel": ("lm",),
        "GPT2DoubleHeadsModel": ("lm", "multiple_choice"),
        "GPT2ForSequenceClassification": ("sequence_classification",),
        "GPT2ForTokenClassification": ("token_classification",),
        "GPT2ForQuestionAnswering": ("span",),
        "GPT2Model": (),
    },
    bodies={None: "transformer.", "GPT2Model": ""},
    rules=[
        *table("stack.embeddings.table", "{body}wte"),
        *table("stack.embeddings.position.table", "{body}wpe"),
        *norm("stack.final_norm", "{body}ln_f"),
        *LAYERS,
        *dense("heads.token_classification.projection", "classifier"),
        *dense("heads.span.projection", "qa_outputs"),
    ],
    head_fields={"multiple_choice": CHOICE, "token_classification": (TAGS,)},
    fixed={"add_cross_attention": False},
    head_fixed={"multiple_choice": SUMMARY},
    unused=UNUSED,
    synonyms=SYNONYMS,
    constants={"mask": lambda config: (None, CausalMask() & PaddingMask())},
    tied={"lm_head.weight": "{body}wte.weight"},
    ignored=IGNORED,
)
