"""Phi's files."""

from tftransformer.models import Phi
from tftransformer.pretrained.families import rotary_decoder as rotary
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Field
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER, THEIRS = rotary.LAYER, rotary.THEIR_LAYER
FIELDS = (
    *rotary.SIZES,
    rotary.SHARED_HEADS,
    rotary.HEAD_WIDTH,
    rotary.ACTIVATION,
    Field("rope_theta", "rotary_base"),
    Field("partial_rotary_factor", "rotary_share"),
    Field("layer_norm_eps", "epsilon"),
    Field("qk_layernorm", "query_key_norm"),
    Field("resid_pdrop", "dropout"),
    Field(
        "embd_pdrop",
        "embedding_dropout",
        save=lambda rate, arguments: arguments["dropout"] if rate is None else rate,
    ),
)
PHI = Family(
    model_type="phi",
    model=Phi,
    fields=FIELDS,
    defaults={
        **rotary.DEFAULTS,
        "vocab_size": 51200,
        "hidden_size": 2048,
        "num_hidden_layers": 24,
        "intermediate_size": 8192,
        "hidden_act": "gelu_new",
        "max_position_embeddings": 2048,
        "partial_rotary_factor": 0.5,
        "layer_norm_eps": 1e-5,
        "qk_layernorm": False,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
    },
    architectures=rotary.architectures("Phi", span=False),
    bodies={None: "model.", "PhiModel": ""},
    rules=[
        *table("stack.embeddings.table", "{body}embed_tokens"),
        *norm("stack.final_norm", "{body}final_layernorm"),
        *rotary.ATTENTION,
        *dense(f"{LAYER}.attention.output_projection", f"{THEIRS}.self_attn.dense"),
        *norm(f"{LAYER}.attention.query_norm", f"{THEIRS}.self_attn.q_layernorm"),
        *norm(f"{LAYER}.attention.key_norm", f"{THEIRS}.self_attn.k_layernorm"),
        *dense(f"{LAYER}.feed_forward.inner", f"{THEIRS}.mlp.fc1"),
        *dense(f"{LAYER}.feed_forward.outer", f"{THEIRS}.mlp.fc2"),
        *norm(f"{LAYER}.attention_residual.norm", f"{THEIRS}.input_layernorm"),
        *rotary.HEADS,
        Rule("heads.lm.bias", "lm_head.bias"),
    ],
    head_fields={"token_classification": (rotary.TAGS,)},
    respelled=rotary.respelled(),
    constants=rotary.constants_of(
        FIELDS,
        attention_bias=True,
        feed_forward_bias=True,
        gated=False,
        normalization="layer",
        parallel=1,
        head_bias=True,
    ),
    tied=rotary.TIED,
    ignored=rotary.IGNORED,
)
