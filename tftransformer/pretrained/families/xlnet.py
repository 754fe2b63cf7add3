"""XLNet's files."""

from tftransformer.models import XLNet
from tftransformer.pretrained import entries
from tftransformer.pretrained.entries import words
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config, Field, activation
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER = "stack.layers.{n}"
ATTENTION = f"{LAYER}.attention"
THEIR_LAYER = "{body}layer.{n}"
THEIR_ATTENTION = f"{THEIR_LAYER}.rel_attn"


def heads_apart(config: Config) -> tuple[int, int, int]:
    """The shape of a projection: the axis of the heads stands apart."""
    heads = config["n_head"]
    return config["d_model"], heads, config["d_model"] // heads


def last_column(column: str) -> str:
    """Which token classifiers read, if it is the last one of rows that are padded in front."""
    if column not in ("last", "last_token"):
        raise ValueError(
            f"Hugging Face has no name for summary_column={column!r}, only for 'last' and "
            "'last_token': use model.save(…)."
        )
    return column


def summary(head: str) -> list:
    """Rules of a head that reads one vector for a sequence."""
    return [
        *dense(f"heads.{head}.pooler.projection", "sequence_summary.summary"),
        *dense(f"heads.{head}.projection", "logits_proj"),
    ]


# How heads read one vector for a sequence, and at which rate they drop parts of it.
SUMMARY = {"summary_type": "last", "summary_use_proj": True, "summary_first_dropout": 0}
SUMMARY_RATE = (Field("summary_last_dropout", "dropout"),)
XLNET = Family(
    model_type="xlnet",
    model=XLNet,
    fields=(
        Field("vocab_size", "vocab_size"),
        Field("n_layer", "num_layers"),
        Field("d_model", "d_model"),
        Field("n_head", "num_heads"),
        Field("d_inner", "dff"),
        Field("mem_len", "memory_length", lambda length, config: length or None),
        Field("reuse_len", "reuse_length", lambda length, config: length or None),
        Field(
            "attn_type",
            "causal",
            lambda kind, config: {"uni": True, "bi": False}[kind],
            lambda causal, arguments: "uni" if causal else "bi",
        ),
        Field("same_length", "same_length"),
        Field(
            "clamp_len",
            "clamp",
            lambda length, config: length if length > 0 else None,
            lambda clamp, arguments: clamp or -1,
        ),
        Field("dropout", "attention_dropout"),
        Field("dropout", "dropout"),
        activation("ff_activation"),
        Field("layer_norm_eps", "epsilon"),
        Field("pad_token_id", "pad_id"),
        Field(
            "summary_activation",
            "summary_activation",
            lambda name, config: name or "linear",
            lambda name, arguments: None if name == "linear" else name,
        ),
        Field(
            entries.SUMMARY_COLUMN,
            "summary_column",
            save=lambda column, arguments: last_column(column),
        ),
        Field("start_n_top", "starts"),
        Field("end_n_top", "ends"),
        Field("tie_word_embeddings", "tied"),
    ),
    architectures={
        "XLNetLMHeadModel": ("lm",),
        "XLNetForSequenceClassification": ("sequence_classification",),
        "XLNetForTokenClassification": ("token_classification",),
        "XLNetForMultipleChoice": ("multiple_choice",),
        "XLNetForQuestionAnsweringSimple": ("span",),
        "XLNetForQuestionAnswering": ("span_beam",),
        "XLNetModel": (),
    },
    bodies={None: "transformer.", "XLNetModel": ""},
    rules=[
        *table("stack.embeddings.table", "{body}word_embedding"),
        Rule("stack.target", "{body}mask_emb", shape=lambda config: (1, 1, config["d_model"])),
        *[
            Rule(f"{ATTENTION}.{ours}", f"{THEIR_ATTENTION}.{theirs}", shape=heads_apart)
            for ours, theirs in {
                "query.kernel": "q",
                "key.kernel": "k",
                "value.kernel": "v",
                "scorer.position": "r",
            }.items()
        ],
        Rule(
            f"{ATTENTION}.output_projection.kernel",
            f"{THEIR_ATTENTION}.o",
            transpose=True,
            shape=heads_apart,
        ),
        Rule(f"{ATTENTION}.scorer.content_bias", f"{THEIR_ATTENTION}.r_w_bias"),
        Rule(f"{ATTENTION}.scorer.position_bias", f"{THEIR_ATTENTION}.r_r_bias"),
        Rule(f"{ATTENTION}.scorer.segment_bias", f"{THEIR_ATTENTION}.r_s_bias"),
        Rule(f"{ATTENTION}.scorer.segment", f"{THEIR_ATTENTION}.seg_embed"),
        *norm(f"{LAYER}.attention_residual.norm", f"{THEIR_ATTENTION}.layer_norm"),
        *dense(f"{LAYER}.feed_forward.inner", f"{THEIR_LAYER}.ff.layer_1"),
        *dense(f"{LAYER}.feed_forward.outer", f"{THEIR_LAYER}.ff.layer_2"),
        *norm(f"{LAYER}.feed_forward_residual.norm", f"{THEIR_LAYER}.ff.layer_norm"),
        Rule("heads.lm.bias", "lm_loss.bias"),
        Rule("heads.lm.kernel", "lm_loss.weight"),
        *summary("sequence_classification"),
        *summary("multiple_choice"),
        *dense("heads.token_classification.projection", "classifier"),
        *dense("heads.span.projection", "qa_outputs"),
        *dense("heads.span_beam.start", "start_logits.dense"),
        *dense("heads.span_beam.end_inner", "end_logits.dense_0"),
        *norm("heads.span_beam.end_norm", "end_logits.LayerNorm"),
        *dense("heads.span_beam.end_outer", "end_logits.dense_1"),
        *dense("heads.span_beam.answerable_inner", "answer_class.dense_0"),
        *dense("heads.span_beam.answerable_outer", "answer_class.dense_1", bias=False),
    ],
    head_fields={"sequence_classification": SUMMARY_RATE, "multiple_choice": SUMMARY_RATE},
    fixed={"bi_data": False, "untie_r": True},
    head_fixed={"sequence_classification": SUMMARY, "multiple_choice": SUMMARY},
    implied={"d_head": lambda config: config["d_model"] // config["n_head"]},
    # Whether transformers returns the memory unasked, and initial weights.
    unused=words("init init_range init_std use_mems use_mems_eval use_mems_train"),
    synonyms={
        "hidden_size": "d_model",
        "n_token": "vocab_size",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    },
    # The large model.
    defaults={
        "vocab_size": 32000,
        "n_layer": 24,
        "d_model": 1024,
        "n_head": 16,
        "d_inner": 4096,
        "mem_len": 512,
        "reuse_len": None,
        "attn_type": "bi",
        "same_length": False,
        "clamp_len": -1,
        "dropout": 0.1,
        "ff_activation": "gelu",
        "layer_norm_eps": 1e-12,
        "pad_token_id": 5,
        "eos_token_id": 2,
        "summary_activation": "tanh",
        entries.SUMMARY_COLUMN: "last",
        "summary_last_dropout": 0.1,
        "start_n_top": 5,
        "end_n_top": 5,
        "tie_word_embeddings": True,
    },
    constants={
        "mask": lambda config: (None,),
    },
    tied={"lm_loss.weight": "{body}word_embedding.weight"},
)
