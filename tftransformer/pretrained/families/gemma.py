"""The files of Gemma, Gemma 2 and Gemma 3."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras

from tftransformer.models import Gemma, Gemma2, Gemma3
from tftransformer.pretrained.families import rotary_decoder as rotary
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config, Field, activation

UNUSED = frozenset({"pretraining_tp", "cache_implementation", "hidden_act"})
DEFAULTS = {
    "vocab_size": 256000,
    "hidden_size": 3072,
    "intermediate_size": 24576,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "head_dim": 256,
    "hidden_act": "gelu_pytorch_tanh",
    "max_position_embeddings": 8192,
    "attention_bias": False,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "tie_word_embeddings": True,
}
LATER_DEFAULTS = {
    **DEFAULTS,
    "hidden_size": 2304,
    "intermediate_size": 9216,
    "num_hidden_layers": 26,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "hidden_activation": "gelu_pytorch_tanh",
    "query_pre_attn_scalar": 256,
    "sliding_window": 4096,
    "layer_types": None,
    "final_logit_softcapping": None,
    "attn_logit_softcapping": None,
}


# The names of activations in Gemma's files, where "gelu" is the tanh form.
NAMES = {"gelu": "gelu_python", "gelu_tanh": "gelu_pytorch_tanh"}


def activation_of(entry: str) -> Field:
    """The entry that names the activation."""
    usual = activation(entry)

    def save(name: str, arguments: Any) -> str:
        return NAMES[name] if name in NAMES else usual.save(name, arguments)

    return replace(usual, save=save)


def respelled(config: Config) -> Config:
    """Reads what transformers 5 says, and the activation of the first files, named twice."""
    config = {**rotary.respelled()(config)}
    config.pop("hidden_activation", None)
    if config.get("hidden_act") == "gelu":
        config["hidden_act"] = "gelu_pytorch_tanh"
    return config


def respelled_by_kind(config: Config) -> Config:
    """Reads what transformers 5 says of layers that have a window, and of the others."""
    told = config.get("rope_parameters") or {}
    if "full_attention" in told:
        config = {**config, "rope_parameters": told["full_attention"]}
        of_windows = told.get("sliding_attention") or {}
        if "rope_theta" in of_windows:
            config["rope_local_base_freq"] = of_windows["rope_theta"]
    return rotary.respelled()(config)


def kinds(period: int) -> Callable[[Config], list[str]]:
    """Returns what says which layers have a window: all but the last of each period."""

    def of_config(config: Config) -> list[str]:
        length = config.get("sliding_window_pattern", period)
        return [
            rotary.SLIDING if (index + 1) % length else rotary.FULL
            for index in range(config["num_hidden_layers"])
        ]

    return of_config


def family(
    model_type: str,
    model: type[keras.Model],
    name: str,
    fields: tuple[Field, ...],
    defaults: Config,
    **constants: Any,
) -> Family:
    """Returns a family of Gemma's: see `rotary_decoder.family`."""
    return replace(
        rotary.family(
            model_type,
            model,
            name,
            (rotary.ATTENTION_BIAS, *fields),
            defaults,
            answers=None,
            normalization="shifted_rms",
            scale=True,
            **constants,
        ),
        expected={"use_bidirectional_attention": False},
        unused=UNUSED,
    )


CAPS = (
    Field("query_pre_attn_scalar", "score_width"),
    Field("final_logit_softcapping", "logit_cap"),
    activation_of("hidden_activation"),
)
GEMMA = replace(
    family("gemma", Gemma, "Gemma", (activation_of("hidden_act"),), DEFAULTS), respelled=respelled
)
GEMMA2 = family(
    "gemma2",
    Gemma2,
    "Gemma2",
    (*CAPS, Field("attn_logit_softcapping", "score_cap"), *rotary.windows(kinds(2))),
    {**LATER_DEFAULTS, "final_logit_softcapping": 30.0, "attn_logit_softcapping": 50.0},
    norm="sandwich",
)
GEMMA3 = replace(
    family(
        "gemma3_text",
        Gemma3,
        "Gemma3",
        (
            *CAPS,
            Field("rope_local_base_freq", "window_rotary_base"),
            *rotary.windows(kinds(6)),
        ),
        {
            **LATER_DEFAULTS,
            "vocab_size": 262208,
            "max_position_embeddings": 131072,
            "rope_theta": 1000000.0,
            "rope_local_base_freq": 10000.0,
        },
        norm="sandwich",
        query_key_norm=True,
    ),
    architectures={
        "Gemma3ForCausalLM": ("lm",),
        "Gemma3TextForSequenceClassification": ("sequence_classification",),
        "Gemma3TextModel": (),
    },
    bodies={None: "model.", "Gemma3TextModel": ""},
    respelled=respelled_by_kind,
    # The reference reads a cap of scores and has no use for it.
    unused=UNUSED | {"attn_logit_softcapping"},
)
