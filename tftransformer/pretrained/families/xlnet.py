"""XLNet's files."""

from tftransformer.models import XLNet
from tftransformer.pretrained.family import Config, Family, Field, activation
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER = "stack.layers.{n}"
ATTENTION = f"{LAYER}.attention"
THEIR_LAYER = "{body}layer.{n}"
THEIR_ATTENTION = f"{THEIR_LAYER}.rel_attn"


def heads_apart(config: Config) -> tuple[int, int, int]:
    """The shape of a projection: the axis of the heads stands apart."""
    heads = config["n_head"]
    return config["d_model"], heads, config["d_model"] // heads


def summary(head: str) -> list:
    """Rules of a head that reads one vector for a sequence."""
    return [
        *dense(f"heads.{head}.pooler.projection", "sequence_summary.summary"),
        *dense(f"heads.{head}.projection", "logits_proj"),
    ]


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
    fixed={"bi_data": False, "summary_type": "last", "summary_use_proj": True},
    constants={"mask": lambda config: (None,)},
    tied={"lm_loss.weight": "{body}word_embedding.weight"},
)
