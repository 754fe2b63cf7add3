"""XLM's files."""

from tftransformer.models import XLM
from tftransformer.pretrained.entries import words
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Field
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER = "stack.layers.{n}"
THEIR_ATTENTION = "{body}attentions.{n}"

# How heads read one vector for a sequence.
SUMMARY = {
    "summary_type": "first",
    "summary_use_proj": True,
    "summary_proj_to_labels": True,
    "summary_activation": None,
    "summary_last_dropout": 0,
}
# Special tokens, names of languages, settings of the program that trained, and initial weights.
UNUSED = words("""
    bos_index embed_init_std eos_index id2lang lang2id lang_id mask_index max_vocab min_count
    same_enc_dec share_inout_emb unk_index
    """)
XLM_FAMILY = Family(
    model_type="xlm",
    model=XLM,
    fields=(
        Field("vocab_size", "vocab_size"),
        Field("n_layers", "num_layers"),
        Field("emb_dim", "d_model"),
        Field("n_heads", "num_heads"),
        Field("max_position_embeddings", "num_positions"),
        Field("n_langs", "languages"),
        Field("use_lang_emb", "embed_languages"),
        Field("sinusoidal_embeddings", "sinusoidal"),
        Field("causal", "causal"),
        Field("dropout", "dropout"),
        Field("attention_dropout", "attention_dropout"),
        Field("summary_first_dropout", "summary_dropout"),
        Field(
            "gelu_activation",
            "activation",
            lambda gelu, config: "gelu" if gelu else "relu",
            lambda name, arguments: {"gelu": True, "relu": False}[name],
        ),
        Field("layer_norm_eps", "epsilon"),
        Field("pad_index", "pad_id"),
        Field("tie_word_embeddings", "tied"),
        Field("start_n_top", "starts"),
        Field("end_n_top", "ends"),
        # Multiple choice computes as many features as there are labels.
        Field(
            "id2label",
            "choice_width",
            lambda labels, config: len(labels),
            lambda width, arguments: {str(n): f"LABEL_{n}" for n in range(width)},
        ),
        Field(
            "label2id",
            "choice_width",
            lambda labels, config: len(labels),
            lambda width, arguments: {f"LABEL_{n}": n for n in range(width)},
        ),
    ),
    architectures={
        "XLMWithLMHeadModel": ("lm",),
        "XLMForSequenceClassification": ("sequence_classification",),
        "XLMForTokenClassification": ("token_classification",),
        "XLMForQuestionAnsweringSimple": ("span",),
        "XLMForQuestionAnswering": ("span_beam",),
        "XLMForMultipleChoice": ("multiple_choice",),
        "XLMModel": (),
    },
    bodies={None: "transformer.", "XLMModel": ""},
    rules=[
        *table("stack.embeddings.table", "{body}embeddings"),
        *table("stack.embeddings.position.table", "{body}position_embeddings"),
        *table("stack.embeddings.languages", "{body}lang_embeddings"),
        *norm("stack.embeddings.norm", "{body}layer_norm_emb"),
        *dense(f"{LAYER}.attention.query", f"{THEIR_ATTENTION}.q_lin"),
        *dense(f"{LAYER}.attention.key", f"{THEIR_ATTENTION}.k_lin"),
        *dense(f"{LAYER}.attention.value", f"{THEIR_ATTENTION}.v_lin"),
        *dense(f"{LAYER}.attention.output_projection", f"{THEIR_ATTENTION}.out_lin"),
        *norm(f"{LAYER}.attention_residual.norm", "{body}layer_norm1.{n}"),
        *dense(f"{LAYER}.feed_forward.inner", "{body}ffns.{n}.lin1"),
        *dense(f"{LAYER}.feed_forward.outer", "{body}ffns.{n}.lin2"),
        *norm(f"{LAYER}.feed_forward_residual.norm", "{body}layer_norm2.{n}"),
        Rule("heads.lm.bias", "pred_layer.proj.bias"),
        Rule("heads.lm.kernel", "pred_layer.proj.weight"),
        *dense("heads.sequence_classification.projection", "sequence_summary.summary"),
        *dense("heads.multiple_choice.pooler.projection", "sequence_summary.summary"),
        *dense("heads.multiple_choice.projection", "logits_proj"),
        *dense("heads.token_classification.projection", "classifier"),
        *dense("heads.span.projection", "qa_outputs"),
        *dense("heads.span_beam.start", "qa_outputs.start_logits.dense"),
        *dense("heads.span_beam.end_inner", "qa_outputs.end_logits.dense_0"),
        *norm("heads.span_beam.end_norm", "qa_outputs.end_logits.LayerNorm"),
        *dense("heads.span_beam.end_outer", "qa_outputs.end_logits.dense_1"),
        *dense("heads.span_beam.answerable_inner", "qa_outputs.answer_class.dense_0"),
        *dense("heads.span_beam.answerable_outer", "qa_outputs.answer_class.dense_1", bias=False),
    ],
    fixed={"asm": False, "is_encoder": True},
    head_fixed={"sequence_classification": SUMMARY, "multiple_choice": SUMMARY},
    unused=UNUSED,
    synonyms={
        "hidden_size": "emb_dim",
        "n_words": "vocab_size",
        "num_attention_heads": "n_heads",
        "num_hidden_layers": "n_layers",
    },
    defaults={
        "vocab_size": 30145,
        "emb_dim": 2048,
        "n_layers": 12,
        "n_heads": 16,
        "max_position_embeddings": 512,
        "n_langs": 1,
        "use_lang_emb": True,
        "sinusoidal_embeddings": False,
        "causal": False,
        "dropout": 0.1,
        "attention_dropout": 0.1,
        "summary_first_dropout": 0.1,
        "gelu_activation": True,
        "layer_norm_eps": 1e-12,
        "pad_index": 2,
        "tie_word_embeddings": True,
        "start_n_top": 5,
        "end_n_top": 5,
    },
    constants={
        "dff": lambda config: (None, 4 * config["emb_dim"]),
        "mask": lambda config: (None,),
    },
    tied={"pred_layer.proj.weight": "{body}embeddings.weight"},
    ignored=(r"position_ids$",),
)
