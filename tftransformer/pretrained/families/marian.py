"""Marian's files: the `Transformer` of 2017."""

from collections.abc import Mapping
from typing import Any

from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.models import Transformer
from tftransformer.models.transformer import both, vocabularies
from tftransformer.positions import SinusoidalPositions
from tftransformer.pretrained.entries import words
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config, Field, activation
from tftransformer.pretrained.rules import Rule, dense, norm, table

ATTENTIONS = {"attention": "self_attn", "cross_attention": "encoder_attn"}
PROJECTIONS = {
    "query": "q_proj",
    "key": "k_proj",
    "value": "v_proj",
    "output_projection": "out_proj",
}


def side(name: str) -> list[Rule]:
    """Rules for one stack."""
    layer, theirs = f"{name}.layers.{{n}}", f"{{body}}{name}.layers.{{n}}"
    rules = []
    for attention, their_attention in ATTENTIONS.items():
        if attention == "attention" or name == "decoder":
            for ours, projection in PROJECTIONS.items():
                rules += dense(
                    f"{layer}.{attention}.{ours}", f"{theirs}.{their_attention}.{projection}"
                )
            rules += norm(
                f"{layer}.{attention}_residual.norm", f"{theirs}.{their_attention}_layer_norm"
            )
    return [
        *rules,
        *dense(f"{layer}.feed_forward.inner", f"{theirs}.fc1"),
        *dense(f"{layer}.feed_forward.outer", f"{theirs}.fc2"),
        *norm(f"{layer}.feed_forward_residual.norm", f"{theirs}.final_layer_norm"),
    ]


def pair(theirs: str, ours: str) -> tuple[Field, Field]:
    """The two entries for a size of encoder and decoder."""

    def load(value: int, config: Any) -> tuple[int, int]:
        return config[f"encoder_{theirs}"], config[f"decoder_{theirs}"]

    return (
        Field(f"encoder_{theirs}", ours, load, lambda size, arguments: both(size)[0]),
        Field(f"decoder_{theirs}", ours, load, lambda size, arguments: both(size)[1]),
    )


# Whether source and target have one table, and whether the head has that of the target.
TIES = {(True, True): "all", (False, True): "target", (False, False): "none"}


def tie(value: bool, config: Config) -> str:
    """Which tables are one."""
    names = ("share_encoder_decoder_embeddings", "tie_word_embeddings")
    if (said := tuple(config[name] for name in names)) not in TIES:
        raise ValueError(f"{names} are {said}, and only {sorted(TIES)} are supported.")
    return TIES[said]


def said(arguments: Mapping[str, Any]) -> tuple[int | None, int | None, str]:
    """The vocabularies of a model, and which of its tables are one."""
    names = ("vocab_size", "source_vocab_size", "target_vocab_size", "tie")
    return vocabularies(*(arguments[name] for name in names))


def target_size(config: Config) -> int:
    """The number of target ids."""
    return config["decoder_vocab_size"] or config["vocab_size"]


def target_ids(size: int | None, config: Config) -> int:
    """The same, checked: one table of both sides has one size."""
    one = config["vocab_size"]
    if config["share_encoder_decoder_embeddings"] and target_size(config) != one:
        raise ValueError(f"decoder_vocab_size={size!r}, and one table of both sides has {one!r}.")
    return target_size(config)


def shares(model: Any) -> bool:
    """Whether source and target have one table."""
    return model.encoder.embeddings.table is model.decoder.embeddings.table


def separates(model: Any) -> bool:
    """Whether they have one each."""
    return not shares(model)


# Sines and cosines have no end; the others are of heads and tables that there are none of.
UNUSED = words("""
    classif_dropout classifier_dropout extra_pos_embeddings max_position_embeddings
    num_hidden_layers
    """)
# Of this family and its kin.
ENTRIES = (
    Field("d_model", "d_model"),
    *pair("layers", "num_layers"),
    *pair("attention_heads", "num_heads"),
    *pair("ffn_dim", "dff"),
    Field("scale_embedding", "scale_embeddings"),
    Field("dropout", "dropout"),
    Field("attention_dropout", "attention_dropout"),
    Field("activation_dropout", "activation_dropout"),
    activation("activation_function"),
    Field("pad_token_id", "pad_id"),
)
DEFAULTS = {
    "d_model": 1024,
    "encoder_layers": 12,
    "decoder_layers": 12,
    "encoder_attention_heads": 16,
    "decoder_attention_heads": 16,
    "encoder_ffn_dim": 4096,
    "decoder_ffn_dim": 4096,
    "scale_embedding": False,
    "dropout": 0.1,
    "attention_dropout": 0.0,
    "activation_dropout": 0.0,
    "activation_function": "gelu",
}
MARIAN = Family(
    model_type="marian",
    model=Transformer,
    fields=(
        *ENTRIES,
        Field("vocab_size", "vocab_size", save=lambda size, arguments: said(arguments)[0]),
        Field(
            "decoder_vocab_size",
            "target_vocab_size",
            target_ids,
            lambda size, arguments: said(arguments)[1],
        ),
        Field(
            "share_encoder_decoder_embeddings",
            "tie",
            tie,
            lambda tie, arguments: said(arguments)[2] == "all",
        ),
        Field(
            "tie_word_embeddings",
            "tie",
            tie,
            lambda tie, arguments: said(arguments)[2] != "none",
        ),
    ),
    constants={
        "head_bias": lambda config: (True,),
        "epsilon": lambda config: (1e-5,),
        "position": lambda config: (SinusoidalPositions(config["d_model"], layout="concatenated"),),
        "encoder_mask": lambda config: (None, PaddingMask()),
        "decoder_mask": lambda config: (None, CausalMask() & PaddingMask()),
        "cross_mask": lambda config: (None, PaddingMask()),
    },
    architectures={"MarianMTModel": ()},
    bodies={None: "model."},
    rules=[
        *table("encoder.embeddings.table", "{body}shared", when=shares),
        *table("encoder.embeddings.table", "{body}encoder.embed_tokens", when=separates),
        *table("decoder.embeddings.table", "{body}decoder.embed_tokens", when=separates),
        *side("encoder"),
        *side("decoder"),
        Rule("head.kernel", "lm_head.weight", head="lm"),
        Rule("head.bias", "final_logits_bias", shape=lambda config: (1, target_size(config))),
    ],
    fixed={
        "is_encoder_decoder": True,
        "encoder_layerdrop": 0.0,
        "decoder_layerdrop": 0.0,
    },
    # Of older files, which describe other models by them, too.
    expected={
        "add_bias_logits": False,
        "add_final_layer_norm": False,
        "normalize_before": False,
        "normalize_embedding": False,
        "static_position_embeddings": True,
    },
    unused=UNUSED,
    synonyms={"num_attention_heads": "encoder_attention_heads", "hidden_size": "d_model"},
    defaults={
        **DEFAULTS,
        "vocab_size": 58101,
        "decoder_vocab_size": None,
        "share_encoder_decoder_embeddings": True,
        "tie_word_embeddings": True,
        "pad_token_id": 58100,
        "eos_token_id": 0,
        "decoder_start_token_id": 58100,
        "forced_eos_token_id": 0,
    },
    tied={
        "lm_head.weight": "{body}decoder.embed_tokens.weight",
        "{body}encoder.embed_tokens.weight": "{body}shared.weight",
        "{body}decoder.embed_tokens.weight": "{body}shared.weight",
    },
    ignored=(r"embed_positions\.weight$",),
)
