"""ALBERT's files, where each layer is once, by its group and its number in that."""

from tftransformer.masks import PaddingMask
from tftransformer.models import Albert
from tftransformer.pretrained.entries import words
from tftransformer.pretrained.families import bert
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Field, activation
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER = "groups.{n}.{m}"
THEIR_LAYER = "{body}encoder.albert_layer_groups.{n}.albert_layers.{m}"
# The rate of classifiers; null for that of the model.
CLASSIFIER = (
    Field(
        "classifier_dropout_prob",
        "dropout",
        lambda rate, config: config["hidden_dropout_prob"] if rate is None else rate,
    ),
)
ALBERT = Family(
    model_type="albert",
    model=Albert,
    fields=(
        Field("vocab_size", "vocab_size"),
        Field("num_hidden_layers", "num_layers"),
        Field("hidden_size", "d_model"),
        Field("num_attention_heads", "num_heads"),
        Field("intermediate_size", "dff"),
        Field("num_hidden_groups", "num_groups"),
        Field("inner_group_num", "inner_layers"),
        Field("embedding_size", "embedding_width"),
        Field("max_position_embeddings", "num_positions"),
        Field("type_vocab_size", "segments"),
        Field("hidden_dropout_prob", "dropout"),
        Field("attention_probs_dropout_prob", "attention_dropout"),
        Field("layer_norm_eps", "epsilon"),
        Field("pad_token_id", "pad_id"),
        Field("tie_word_embeddings", "tied"),
        activation("hidden_act"),
    ),
    defaults={
        "vocab_size": 30000,
        "num_hidden_layers": 12,
        "hidden_size": 4096,
        "num_attention_heads": 64,
        "intermediate_size": 16384,
        "num_hidden_groups": 1,
        "inner_group_num": 1,
        "embedding_size": 128,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "classifier_dropout_prob": 0.1,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "tie_word_embeddings": True,
        "hidden_act": "gelu_new",
    },
    architectures={
        "AlbertForPreTraining": ("pooled", "masked_lm", "sentence_order"),
        "AlbertForMaskedLM": ("masked_lm",),
        "AlbertForSequenceClassification": ("pooled", "sequence_classification"),
        "AlbertForTokenClassification": ("token_classification",),
        "AlbertForQuestionAnswering": ("span",),
        "AlbertForMultipleChoice": ("pooled", "multiple_choice"),
        "AlbertModel": ("pooled",),
    },
    bodies={None: "albert.", "AlbertModel": ""},
    rules=[
        *table("stack.embeddings.table", "{body}embeddings.word_embeddings"),
        *table("stack.embeddings.position.table", "{body}embeddings.position_embeddings"),
        *table("stack.embeddings.segments", "{body}embeddings.token_type_embeddings"),
        *norm("stack.embeddings.norm", "{body}embeddings.LayerNorm"),
        *dense("stack.embeddings.projection", "{body}encoder.embedding_hidden_mapping_in"),
        *dense(f"{LAYER}.attention.query", f"{THEIR_LAYER}.attention.query"),
        *dense(f"{LAYER}.attention.key", f"{THEIR_LAYER}.attention.key"),
        *dense(f"{LAYER}.attention.value", f"{THEIR_LAYER}.attention.value"),
        *dense(f"{LAYER}.attention.output_projection", f"{THEIR_LAYER}.attention.dense"),
        *norm(f"{LAYER}.attention_residual.norm", f"{THEIR_LAYER}.attention.LayerNorm"),
        *dense(f"{LAYER}.feed_forward.inner", f"{THEIR_LAYER}.ffn"),
        *dense(f"{LAYER}.feed_forward.outer", f"{THEIR_LAYER}.ffn_output"),
        *norm(f"{LAYER}.feed_forward_residual.norm", f"{THEIR_LAYER}.full_layer_layer_norm"),
        *dense("pooler.projection", "{body}pooler", head="pooled"),
        *dense("heads.masked_lm.transform", "predictions.dense"),
        *norm("heads.masked_lm.norm", "predictions.LayerNorm"),
        Rule("heads.masked_lm.output_projection.bias", "predictions.bias"),
        Rule("heads.masked_lm.output_projection.kernel", "predictions.decoder.weight"),
        *dense("heads.sentence_order.projection", "sop_classifier.classifier"),
        *dense("heads.sequence_classification.projection", "classifier"),
        *dense("heads.token_classification.projection", "classifier"),
        *dense("heads.multiple_choice.projection", "classifier"),
        *dense("heads.span.projection", "qa_outputs"),
    ],
    head_fields={
        "sentence_order": CLASSIFIER,
        "sequence_classification": CLASSIFIER,
        "token_classification": CLASSIFIER,
        "multiple_choice": CLASSIFIER,
    },
    fixed={"position_embedding_type": "absolute"},
    constants={"mask": lambda config: (None, PaddingMask())},
    # Of the program that trained the first models.
    unused=words("""
        down_scale_factor gap_size layers_to_keep net_structure_type num_memory_blocks
        """),
    tied={
        "predictions.decoder.weight": "{body}embeddings.word_embeddings.weight",
        "predictions.decoder.bias": "predictions.bias",
    },
    ignored=bert.IGNORED,
    aliases=bert.ALIASES,
)
