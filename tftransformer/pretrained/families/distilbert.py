"""DistilBERT's files."""

from tftransformer.masks import PaddingMask
from tftransformer.models import DistilBert
from tftransformer.pretrained.entries import words
from tftransformer.pretrained.families import bert
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Field, activation
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER = "stack.layers.{n}"
THEIR_LAYER = "{body}transformer.layer.{n}"
CLASSIFIER = (Field("seq_classif_dropout", "dropout"),)
DISTILBERT = Family(
    model_type="distilbert",
    model=DistilBert,
    fields=(
        Field("vocab_size", "vocab_size"),
        Field("n_layers", "num_layers"),
        Field("dim", "d_model"),
        Field("n_heads", "num_heads"),
        Field("hidden_dim", "dff"),
        Field("max_position_embeddings", "num_positions"),
        Field("dropout", "dropout"),
        Field("attention_dropout", "attention_dropout"),
        Field("pad_token_id", "pad_id"),
        Field("tie_word_embeddings", "tied"),
        activation("activation"),
    ),
    defaults={
        "vocab_size": 30522,
        "n_layers": 6,
        "dim": 768,
        "n_heads": 12,
        "hidden_dim": 3072,
        "max_position_embeddings": 512,
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "qa_dropout": 0.1,
        "seq_classif_dropout": 0.2,
        "pad_token_id": 0,
        "tie_word_embeddings": True,
        "activation": "gelu",
    },
    architectures={
        "DistilBertForMaskedLM": ("masked_lm",),
        "DistilBertForSequenceClassification": ("sequence_classification",),
        "DistilBertForTokenClassification": ("token_classification",),
        "DistilBertForQuestionAnswering": ("span",),
        "DistilBertForMultipleChoice": ("multiple_choice",),
        "DistilBertModel": (),
    },
    bodies={None: "distilbert.", "DistilBertModel": ""},
    rules=[
        *table("stack.embeddings.table", "{body}embeddings.word_embeddings"),
        *table("stack.embeddings.position.table", "{body}embeddings.position_embeddings"),
        *norm("stack.embeddings.norm", "{body}embeddings.LayerNorm"),
        *dense(f"{LAYER}.attention.query", f"{THEIR_LAYER}.attention.q_lin"),
        *dense(f"{LAYER}.attention.key", f"{THEIR_LAYER}.attention.k_lin"),
        *dense(f"{LAYER}.attention.value", f"{THEIR_LAYER}.attention.v_lin"),
        *dense(f"{LAYER}.attention.output_projection", f"{THEIR_LAYER}.attention.out_lin"),
        *norm(f"{LAYER}.attention_residual.norm", f"{THEIR_LAYER}.sa_layer_norm"),
        *dense(f"{LAYER}.feed_forward.inner", f"{THEIR_LAYER}.ffn.lin1"),
        *dense(f"{LAYER}.feed_forward.outer", f"{THEIR_LAYER}.ffn.lin2"),
        *norm(f"{LAYER}.feed_forward_residual.norm", f"{THEIR_LAYER}.output_layer_norm"),
        *dense("heads.masked_lm.transform", "vocab_transform"),
        *norm("heads.masked_lm.norm", "vocab_layer_norm"),
        Rule("heads.masked_lm.output_projection.bias", "vocab_projector.bias"),
        Rule("heads.masked_lm.output_projection.kernel", "vocab_projector.weight"),
        *dense("heads.sequence_classification.pooler.projection", "pre_classifier"),
        *dense("heads.sequence_classification.projection", "classifier"),
        *dense("heads.multiple_choice.pooler.projection", "pre_classifier"),
        *dense("heads.multiple_choice.projection", "classifier"),
        *dense("heads.token_classification.projection", "classifier"),
        *dense("heads.span.projection", "qa_outputs"),
    ],
    head_fields={
        "sequence_classification": CLASSIFIER,
        "multiple_choice": CLASSIFIER,
        "span": (Field("qa_dropout", "dropout"),),
    },
    constants={
        "epsilon": lambda config: (1e-12,),
        "mask": lambda config: (None, PaddingMask()),
    },
    # A table of sines is in the file like any other, and transformers trains it on like any other.
    unused=words("sinusoidal_pos_embds tie_weights_"),
    synonyms={
        "hidden_size": "dim",
        "num_attention_heads": "n_heads",
        "num_hidden_layers": "n_layers",
    },
    tied={"vocab_projector.weight": "{body}embeddings.word_embeddings.weight"},
    ignored=bert.IGNORED,
    aliases=bert.ALIASES,
)
