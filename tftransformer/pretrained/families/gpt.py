"""GPT's files."""

from typing import Any

from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.models import Gpt
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config, Field
from tftransformer.pretrained.rules import Rule, dense, norm, table

LAYER = "stack.layers.{n}"
THEIR_LAYER = "{body}h.{n}"


def plain_dense(ours: str, theirs: str, **options: Any) -> list[Rule]:
    """Rules for a `Dense` layer and a tensor that is (in, out) as ours."""
    return [
        Rule(f"{ours}.kernel", f"{theirs}.weight", **options),
        Rule(f"{ours}.bias", f"{theirs}.bias", **options),
    ]


# Shared with GPT-2, but for the names of the tables.
LAYERS = [
    *[
        rule
        for n, part in enumerate(("query", "key", "value"))
        for rule in plain_dense(
            f"{LAYER}.attention.{part}", f"{THEIR_LAYER}.attn.c_attn", part=(n, 3)
        )
    ],
    *plain_dense(f"{LAYER}.attention.output_projection", f"{THEIR_LAYER}.attn.c_proj"),
    *norm(f"{LAYER}.attention_residual.norm", f"{THEIR_LAYER}.ln_1"),
    *plain_dense(f"{LAYER}.feed_forward.inner", f"{THEIR_LAYER}.mlp.c_fc"),
    *plain_dense(f"{LAYER}.feed_forward.outer", f"{THEIR_LAYER}.mlp.c_proj"),
    *norm(f"{LAYER}.feed_forward_residual.norm", f"{THEIR_LAYER}.ln_2"),
    Rule("heads.lm.kernel", "lm_head.weight"),
    *dense("heads.sequence_classification.projection", "score", bias=False),
    *dense("heads.multiple_choice.projection", "multiple_choice_head.summary"),
]
FIELDS = (
    Field("vocab_size", "vocab_size"),
    Field("n_layer", "num_layers"),
    Field("n_embd", "d_model"),
    Field("n_head", "num_heads"),
    Field("n_positions", "num_positions"),
    Field("resid_pdrop", "dropout"),
    Field(
        "embd_pdrop",
        "embedding_dropout",
        save=lambda rate, arguments: arguments["dropout"] if rate is None else rate,
    ),
    Field("attn_pdrop", "attention_dropout"),
    Field("layer_norm_epsilon", "epsilon"),
    Field("pad_token_id", "pad_id"),
    Field("eos_token_id", "end_id"),
    Field("tie_word_embeddings", "tied"),
)
DEFAULTS = {
    "n_embd": 768,
    "n_layer": 12,
    "n_head": 12,
    "resid_pdrop": 0.1,
    "embd_pdrop": 0.1,
    "attn_pdrop": 0.1,
    "layer_norm_epsilon": 1e-5,
    "pad_token_id": None,
    "eos_token_id": None,
    "tie_word_embeddings": True,
    "summary_first_dropout": 0.1,
}
SYNONYMS = {
    "hidden_size": "n_embd",
    "max_position_embeddings": "n_positions",
    "num_attention_heads": "n_head",
    "num_hidden_layers": "n_layer",
}
# How the head for multiple choice reads a sequence.
SUMMARY = {
    "summary_type": "cls_index",
    "summary_use_proj": True,
    "summary_proj_to_labels": True,
    "summary_activation": None,
    "summary_last_dropout": 0,
}
CHOICE = (Field("summary_first_dropout", "dropout"),)
# Of older files: the length once more, and order of operations.
UNUSED = frozenset({"n_ctx", "reorder_and_upcast_attn"})
# Masks that older files hold beside the weights.
IGNORED = (r"\.attn\.bias$", r"\.attn\.masked_bias$")


def afn(name: str, config: Config) -> str:
    """The activation by the name it has in GPT's config, where "gelu" is the tanh form."""
    return {"gelu": "gelu_tanh", "relu": "relu", "silu": "silu", "swish": "silu"}[name]


GPT = Family(
    model_type="openai-gpt",
    model=Gpt,
    fields=(
        *FIELDS,
        Field(
            "afn", "activation", afn, lambda name, arguments: {"gelu_tanh": "gelu"}.get(name, name)
        ),
    ),
    defaults={**DEFAULTS, "vocab_size": 40478, "n_positions": 512, "afn": "gelu"},
    architectures={
        "OpenAIGPTLMHeadModel": ("lm",),
        "OpenAIGPTDoubleHeadsModel": ("lm", "multiple_choice"),
        "OpenAIGPTForSequenceClassification": ("sequence_classification",),
        "OpenAIGPTModel": (),
    },
    bodies={None: "transformer.", "OpenAIGPTModel": ""},
    rules=[
        *table("stack.embeddings.table", "{body}tokens_embed"),
        *table("stack.embeddings.position.table", "{body}positions_embed"),
        *LAYERS,
    ],
    head_fields={"multiple_choice": CHOICE},
    head_fixed={"multiple_choice": SUMMARY},
    unused=UNUSED | {"n_special", "predict_special_tokens"},
    synonyms=SYNONYMS,
    constants={
        "dff": lambda config: (None, 4 * config["n_embd"]),
        "mask": lambda config: (None, CausalMask() & PaddingMask()),
    },
    tied={"lm_head.weight": "{body}tokens_embed.weight"},
    ignored=(*IGNORED, r"position_ids$"),
)
