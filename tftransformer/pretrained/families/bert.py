"""BERT's files."""

from collections.abc import Callable

from tftransformer.models import Bert
from tftransformer.pretrained.entries import words
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config, Field, activation, causal
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER = "stack.layers.{n}"
THEIR_LAYER = "{body}encoder.layer.{n}"
# Shared with RoBERTa, which has the same stack under the same names.
BODY = [
    *table("stack.embeddings.table", "{body}embeddings.word_embeddings"),
    *table("stack.embeddings.position.table", "{body}embeddings.position_embeddings"),
    *table("stack.embeddings.segments", "{body}embeddings.token_type_embeddings"),
    *norm("stack.embeddings.norm", "{body}embeddings.LayerNorm"),
    *dense(f"{LAYER}.attention.query", f"{THEIR_LAYER}.attention.self.query"),
    *dense(f"{LAYER}.attention.key", f"{THEIR_LAYER}.attention.self.key"),
    *dense(f"{LAYER}.attention.value", f"{THEIR_LAYER}.attention.self.value"),
    *dense(f"{LAYER}.attention.output_projection", f"{THEIR_LAYER}.attention.output.dense"),
    *norm(f"{LAYER}.attention_residual.norm", f"{THEIR_LAYER}.attention.output.LayerNorm"),
    *dense(f"{LAYER}.feed_forward.inner", f"{THEIR_LAYER}.intermediate.dense"),
    *dense(f"{LAYER}.feed_forward.outer", f"{THEIR_LAYER}.output.dense"),
    *norm(f"{LAYER}.feed_forward_residual.norm", f"{THEIR_LAYER}.output.LayerNorm"),
    *dense("pooler.projection", "{body}pooler.dense", head="pooled"),
    *dense("heads.token_classification.projection", "classifier"),
    *dense("heads.span.projection", "qa_outputs"),
    *dense("heads.multiple_choice.projection", "classifier"),
]
FIELDS = (
    Field("vocab_size", "vocab_size"),
    Field("num_hidden_layers", "num_layers"),
    Field("hidden_size", "d_model"),
    Field("num_attention_heads", "num_heads"),
    Field("intermediate_size", "dff"),
    Field("type_vocab_size", "segments"),
    Field("hidden_dropout_prob", "dropout"),
    Field("attention_probs_dropout_prob", "attention_dropout"),
    Field("layer_norm_eps", "epsilon"),
    Field("pad_token_id", "pad_id"),
    Field("tie_word_embeddings", "tied"),
    activation("hidden_act"),
    causal("is_decoder"),
)
FIXED = {"position_embedding_type": "absolute", "add_cross_attention": False}
DEFAULTS = {
    "vocab_size": 30522,
    "num_hidden_layers": 12,
    "hidden_size": 768,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "classifier_dropout": None,
    "layer_norm_eps": 1e-12,
    "pad_token_id": 0,
    "tie_word_embeddings": True,
    "hidden_act": "gelu",
    "is_decoder": False,
}
# The rate of classifiers; null for that of the model.
CLASSIFIER = Field(
    "classifier_dropout",
    "dropout",
    save=lambda rate, arguments: None if rate == arguments["dropout"] else rate,
)
# What only models of other families have.
CONSTANTS: dict[str, Callable[[Config], tuple]] = {
    "embedding_width": lambda config: (None,),
    "order": lambda config: (None,),
}
# Of the first, multilingual models, in the description of a pooler that there is no other of.
UNUSED = words("""
    directionality pooler_fc_size pooler_num_attention_heads pooler_num_fc_layers
    pooler_size_per_head pooler_type
    """)
# Layer norms in files that came from TensorFlow.
ALIASES = ((r"LayerNorm\.gamma$", "LayerNorm.weight"), (r"LayerNorm\.beta$", "LayerNorm.bias"))
IGNORED = (r"embeddings\.position_ids$", r"embeddings\.token_type_ids$")


def language_model(head: str) -> list[Rule]:
    """Rules of the masked language model head under one of its two names."""
    return [
        *dense(f"heads.{head}.transform", "cls.predictions.transform.dense"),
        *norm(f"heads.{head}.norm", "cls.predictions.transform.LayerNorm"),
        Rule(f"heads.{head}.output_projection.bias", "cls.predictions.bias"),
        Rule(f"heads.{head}.output_projection.kernel", "cls.predictions.decoder.weight"),
    ]


BERT = Family(
    model_type="bert",
    model=Bert,
    fields=(*FIELDS, Field("max_position_embeddings", "num_positions")),
    defaults=DEFAULTS,
    architectures={
        "BertForPreTraining": ("pooled", "masked_lm", "next_sentence"),
        "BertForMaskedLM": ("masked_lm",),
        "BertLMHeadModel": ("lm",),
        "BertForNextSentencePrediction": ("pooled", "next_sentence"),
        "BertForSequenceClassification": ("pooled", "sequence_classification"),
        "BertForTokenClassification": ("token_classification",),
        "BertForQuestionAnswering": ("span",),
        "BertForMultipleChoice": ("pooled", "multiple_choice"),
        "BertModel": ("pooled",),
    },
    bodies={None: "bert.", "BertModel": ""},
    rules=[
        *BODY,
        *language_model("masked_lm"),
        *language_model("lm"),
        *dense("heads.next_sentence.projection", "cls.seq_relationship"),
        *dense("heads.sequence_classification.projection", "classifier"),
    ],
    head_fields={
        "sequence_classification": (CLASSIFIER,),
        "token_classification": (CLASSIFIER,),
        "multiple_choice": (CLASSIFIER,),
    },
    fixed=FIXED,
    unused=UNUSED,
    constants=CONSTANTS,
    tied={
        "cls.predictions.decoder.weight": "{body}embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    },
    ignored=IGNORED,
    aliases=ALIASES,
)
