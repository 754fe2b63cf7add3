"""What the files of Llama and its kin have in common."""

from collections.abc import Callable, Mapping
from typing import Any

import keras

from tftransformer.masks import CausalMask, PaddingMask
from tftransformer.models.rotary_decoder import windows_of
from tftransformer.pretrained.families.gpt2 import TAGS
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config, Field, activation
from tftransformer.pretrained.rules import Rule, dense, table

LAYER = "stack.layers.{n}"
THEIR_LAYER = "{body}layers.{n}"
FULL, SLIDING = "full_attention", "sliding_attention"


def respelled(
    base: str = "rope_theta", share: str = "partial_rotary_factor"
) -> Callable[[Config], Config]:
    """Returns what reads `rope_parameters` of transformers 5 as the entries of version 4.

    Args:
        base: the entry of the base.
        share: the entry of the share of features that turn.
    """

    def read(config: Config) -> Config:
        config = dict(config)
        told = dict(config.pop("rope_parameters", None) or {})
        if told:
            names = {"rope_theta": base, "partial_rotary_factor": share}
            config |= {ours: told.pop(name) for name, ours in names.items() if name in told}
            config["rope_scaling"] = told
        if config.get("rope_scaling"):
            config["rope_scaling"] = scaling_of(config["rope_scaling"])
        if config.get("use_bidirectional_attention", False) is None:
            del config["use_bidirectional_attention"]
        return config

    return read


def scaling_of(told: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns how rotary positions are scaled; None where they are not. Old files say `type`."""
    told = dict(told)
    kind = told.pop("type", "default")
    kind = told.setdefault("rope_type", kind)
    return None if kind == "default" else told


SHARED_HEADS = Field(
    "num_key_value_heads",
    "num_key_value_heads",
    save=lambda number, arguments: arguments["num_heads"] if number is None else number,
)
HEAD_WIDTH = Field(
    "head_dim",
    "head_width",
    save=lambda width, arguments: width or arguments["d_model"] // arguments["num_heads"],
)
SIZES = (
    Field("vocab_size", "vocab_size"),
    Field("num_hidden_layers", "num_layers"),
    Field("hidden_size", "d_model"),
    Field("num_attention_heads", "num_heads"),
    Field("intermediate_size", "dff"),
    Field("max_position_embeddings", "num_positions"),
    Field("rope_scaling", "rotary_scaling"),
    Field("attention_dropout", "attention_dropout"),
    Field("pad_token_id", "pad_id"),
    Field("eos_token_id", "end_id"),
    Field("tie_word_embeddings", "tied"),
)
FIELDS = (
    *SIZES,
    SHARED_HEADS,
    HEAD_WIDTH,
    Field("rope_theta", "rotary_base"),
    Field("rms_norm_eps", "epsilon"),
)
ACTIVATION = activation("hidden_act")
ATTENTION_BIAS = Field("attention_bias", "attention_bias")
DEFAULTS = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": None,
    "head_dim": None,
    "hidden_act": "silu",
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "rms_norm_eps": 1e-6,
    "attention_dropout": 0.0,
    "pad_token_id": None,
    "eos_token_id": 2,
    "tie_word_embeddings": False,
    "classifier_dropout": None,
}
IGNORED = (r"rotary_emb\.inv_freq$",)
UNUSED = frozenset({"pretraining_tp", "max_window_layers"})
# The arguments that the files of most have no entry for, and what they may be.
CONSTANTS = {
    "windows": (None,),
    "rotary_share": (1.0,),
    "window_rotary_base": (None,),
    "attention_bias": (False,),
    "output_bias": (None,),
    "query_key_norm": (False,),
    "score_width": (None,),
    "score_cap": (None,),
    "feed_forward_bias": (False,),
    "gated": (True,),
    "norm": ("pre",),
    "normalization": ("rms",),
    "parallel": (None,),
    "scale": (False,),
    "dropout": (0.0,),
    "embedding_dropout": (None, 0.0),
    "mask": (None, CausalMask() & PaddingMask()),
    "head_bias": (False,),
    "logit_cap": (None,),
}


def constants_of(fields: tuple[Field, ...], **others: Any) -> dict[str, Callable[[Config], tuple]]:
    """Returns what a family's arguments are that its files have no entry for.

    Args:
        fields: those that they have.
        **others: what differs from Llama.
    """
    values = {**CONSTANTS, **{name: (value,) for name, value in others.items()}}
    known = {field.ours for field in fields}
    return {name: _always(value) for name, value in values.items() if name not in known}


def _always(value: tuple) -> Callable[[Config], tuple]:
    return lambda config: value


def windows(kinds: Callable[[Config], list[str]]) -> tuple[Field, ...]:
    """The entries that say which layers have a window.

    Args:
        kinds: from a config that lists no `layer_types` to them.
    """

    def load(value: Any, config: Config) -> list[int | None] | None:
        told = config.get("layer_types") or kinds(config)
        unknown = sorted({*told} - {FULL, SLIDING})
        if unknown:
            raise ValueError(f"layer_types has {unknown}; only {[FULL, SLIDING]} are known.")
        seen = [config["sliding_window"] if kind == SLIDING else None for kind in told]
        return seen if any(seen) else None

    def save(windows: Any, arguments: Mapping[str, Any]) -> list[str]:
        seen = windows_of(windows, arguments["num_layers"])
        return [FULL if window is None else SLIDING for window in seen]

    return (
        Field("layer_types", "windows", load, save),
        Field("sliding_window", "windows", load, one_window),
    )


def one_window(windows: Any, arguments: Mapping[str, Any]) -> int | None:
    """Returns the window of the layers that have one."""
    sizes = {size for size in windows_of(windows, arguments["num_layers"]) if size is not None}
    if len(sizes) > 1:
        raise ValueError(f"Hugging Face has one size for all windows, not {sorted(sizes)}.")
    return sizes.pop() if sizes else None


def architectures(name: str, *, span: bool = True) -> dict[str, tuple[str, ...]]:
    """The classes of a family.

    Args:
        name: what their names begin with.
        span: whether there is one that answers questions.
    """
    return {
        f"{name}ForCausalLM": ("lm",),
        f"{name}ForSequenceClassification": ("sequence_classification",),
        f"{name}ForTokenClassification": ("token_classification",),
        **({f"{name}ForQuestionAnswering": ("span",)} if span else {}),
        f"{name}Model": (),
    }


def gains(ours: str, theirs: str) -> list[Rule]:
    """The rule for a norm that has gains alone."""
    return [Rule(f"{LAYER}.{ours}.scale", f"{THEIR_LAYER}.{theirs}.weight")]


ATTENTION = [
    *dense(f"{LAYER}.attention.query", f"{THEIR_LAYER}.self_attn.q_proj"),
    *dense(f"{LAYER}.attention.key", f"{THEIR_LAYER}.self_attn.k_proj"),
    *dense(f"{LAYER}.attention.value", f"{THEIR_LAYER}.self_attn.v_proj"),
]
HEADS = [
    Rule("heads.lm.kernel", "lm_head.weight"),
    *dense("heads.sequence_classification.projection", "score", bias=False),
    *dense("heads.token_classification.projection", "score"),
    *dense("heads.span.projection", "qa_outputs"),
]
BODY = [
    *table("stack.embeddings.table", "{body}embed_tokens"),
    Rule("stack.final_norm.scale", "{body}norm.weight"),
    *ATTENTION,
    *dense(f"{LAYER}.attention.output_projection", f"{THEIR_LAYER}.self_attn.o_proj"),
    *gains("attention.query_norm", "self_attn.q_norm"),
    *gains("attention.key_norm", "self_attn.k_norm"),
    *dense(f"{LAYER}.feed_forward.inner", f"{THEIR_LAYER}.mlp.gate_proj"),
    *dense(f"{LAYER}.feed_forward.gate", f"{THEIR_LAYER}.mlp.up_proj"),
    *dense(f"{LAYER}.feed_forward.outer", f"{THEIR_LAYER}.mlp.down_proj"),
    *gains("attention_residual.before", "input_layernorm"),
    *HEADS,
]
# The other norms of a layer, by where norms are.
NORMS = {
    "pre": gains("feed_forward_residual.before", "post_attention_layernorm"),
    "sandwich": [
        *gains("attention_residual.inside", "post_attention_layernorm"),
        *gains("feed_forward_residual.before", "pre_feedforward_layernorm"),
        *gains("feed_forward_residual.inside", "post_feedforward_layernorm"),
    ],
}
TIED = {"lm_head.weight": "{body}embed_tokens.weight"}


def family(
    model_type: str,
    model: type[keras.Model],
    name: str,
    fields: tuple[Field, ...],
    defaults: Mapping[str, Any],
    *,
    answers: str | None = "transformer.",
    **constants: Any,
) -> Family:
    """Returns a family that has the names of Llama's weights.

    Args:
        model_type: the entry of config.json.
        model: our class.
        name: what the names of transformers' classes begin with.
        fields: those beside the fields of all.
        defaults: those that differ.
        answers: the prefix of the body of what answers questions; None: there is no such class.
        **constants: arguments without an entry that differ from Llama's.
    """
    fields = (*FIELDS, *fields)
    classes = architectures(name, span=answers is not None)
    bodies: dict[str | None, str] = {None: "model.", f"{name}Model": ""}
    if answers is not None:
        bodies[f"{name}ForQuestionAnswering"] = answers
    return Family(
        model_type=model_type,
        model=model,
        fields=fields,
        defaults={**DEFAULTS, **defaults},
        architectures=classes,
        bodies=bodies,
        rules=[*BODY, *NORMS[constants.get("norm", "pre")]],
        head_fields={"token_classification": (TAGS,)},
        unused=UNUSED,
        respelled=respelled(),
        constants=constants_of(fields, **constants),
        tied=TIED,
        ignored=IGNORED,
    )
