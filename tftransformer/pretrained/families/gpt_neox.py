"""GPT-NeoX's files."""

from tftransformer.models import GptNeoX
from tftransformer.pretrained.families import rotary_decoder as rotary
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Field
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER, THEIRS = rotary.LAYER, rotary.THEIR_LAYER
FIELDS = (
    *rotary.SIZES,
    rotary.ACTIVATION,
    rotary.ATTENTION_BIAS,
    Field("rotary_emb_base", "rotary_base"),
    Field("rotary_pct", "rotary_share"),
    Field("layer_norm_eps", "epsilon"),
    Field("hidden_dropout", "dropout"),
    Field(
        "use_parallel_residual",
        "parallel",
        lambda is_parallel, config: 2 if is_parallel else None,
        lambda norms, arguments: two_norms(norms),
    ),
)


def two_norms(norms: int | None) -> bool:
    """Whether attention and net stand side by side, which they do with two norms here."""
    if norms == 1:
        raise ValueError("GPT-NeoX's files have no name for parallel=1: one norm for both.")
    return norms == 2


def stacked(part: str, kind: str) -> list[Rule]:
    """Rules for the parts of one tensor in which those of a head lie side by side."""
    return [
        Rule(
            f"{LAYER}.attention.{name}.{part}",
            f"{THEIRS}.attention.query_key_value.{kind}",
            transpose=part == "kernel",
            part=(number, 3),
            axis=0,
            groups=lambda model: model.num_heads,
        )
        for number, name in enumerate(("query", "key", "value"))
    ]


GPT_NEOX = Family(
    model_type="gpt_neox",
    model=GptNeoX,
    fields=FIELDS,
    defaults={
        **rotary.DEFAULTS,
        "vocab_size": 50432,
        "hidden_size": 6144,
        "intermediate_size": 24576,
        "num_hidden_layers": 44,
        "num_attention_heads": 64,
        "hidden_act": "gelu",
        "max_position_embeddings": 2048,
        "rotary_pct": 0.25,
        "rotary_emb_base": 10000,
        "layer_norm_eps": 1e-5,
        "hidden_dropout": 0.0,
        "classifier_dropout": 0.1,
        "use_parallel_residual": True,
        "attention_bias": True,
        "rope_theta": None,
    },
    architectures=rotary.architectures("GPTNeoX"),
    bodies={None: "gpt_neox.", "GPTNeoXModel": ""},
    rules=[
        *table("stack.embeddings.table", "{body}embed_in"),
        *norm("stack.final_norm", "{body}final_layer_norm"),
        *stacked("kernel", "weight"),
        *stacked("bias", "bias"),
        *dense(f"{LAYER}.attention.output_projection", f"{THEIRS}.attention.dense"),
        *dense(f"{LAYER}.feed_forward.inner", f"{THEIRS}.mlp.dense_h_to_4h"),
        *dense(f"{LAYER}.feed_forward.outer", f"{THEIRS}.mlp.dense_4h_to_h"),
        *norm(f"{LAYER}.attention_residual.norm", f"{THEIRS}.input_layernorm"),
        *norm(f"{LAYER}.feed_forward_residual.norm", f"{THEIRS}.post_attention_layernorm"),
        Rule("heads.lm.kernel", "embed_out.weight"),
        *dense("heads.sequence_classification.projection", "score", bias=False),
        *dense("heads.token_classification.projection", "classifier"),
        *dense("heads.span.projection", "qa_outputs"),
    ],
    head_fields={"token_classification": (Field("classifier_dropout", "dropout"),)},
    # Twice the same: version 4 of transformers writes both.
    implied={
        "rope_theta": lambda config: config["rotary_emb_base"],
        "partial_rotary_factor": lambda config: config["rotary_pct"],
    },
    respelled=rotary.respelled("rotary_emb_base", "rotary_pct"),
    constants=rotary.constants_of(
        FIELDS,
        num_key_value_heads=None,
        head_width=None,
        feed_forward_bias=True,
        gated=False,
        normalization="layer",
    ),
    tied={"embed_out.weight": "{body}embed_in.weight"},
    ignored=(*rotary.IGNORED, r"attention\.(masked_)?bias$"),
)
