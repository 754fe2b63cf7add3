"""GPT-2's files."""

from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.models import Gpt2
from tftransformer.pretrained.families.gpt import FIELDS, IGNORED, LAYERS, SUMMARY
from tftransformer.pretrained.family import Family, Field, activation
from tftransformer.pretrained.rules import dense, norm, table

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
    fixed={**SUMMARY, "add_cross_attention": False},
    constants={"mask": lambda config: (None, CausalMask() & PaddingMask())},
    tied={"lm_head.weight": "{body}wte.weight"},
    ignored=IGNORED,
)
