"""The files of Llama, Mistral, Qwen 2 and Qwen 3."""

from collections.abc import Mapping
from typing import Any

import keras

from tftransformer.models import Llama, Mistral, Qwen2, Qwen3
from tftransformer.pretrained.families import rotary_decoder as rotary
from tftransformer.pretrained.family import Family
from tftransformer.pretrained.fields import Config, Field


def family(
    model_type: str,
    model: type[keras.Model],
    name: str,
    fields: tuple[Field, ...],
    defaults: Mapping[str, Any],
    *,
    answers_apart: bool = True,
    **constants: Any,
) -> Family:
    """Returns a family that has the names of Llama's weights.

    Args:
        model_type: the entry of config.json.
        model: our class.
        name: what the names of transformers' classes begin with.
        fields: those beside the fields of all.
        defaults: those that differ.
        answers_apart: whether the body of what answers questions has a prefix of its own.
        **constants: arguments without an entry that differ from Llama's.
    """
    fields = (*rotary.FIELDS, rotary.ACTIVATION, *fields)
    bodies: dict[str | None, str] = {None: "model.", f"{name}Model": ""}
    if answers_apart:
        bodies[f"{name}ForQuestionAnswering"] = "transformer."
    return Family(
        model_type=model_type,
        model=model,
        fields=fields,
        defaults={**rotary.DEFAULTS, **defaults},
        architectures=rotary.architectures(name),
        bodies=bodies,
        rules=[*rotary.BODY, *rotary.PRE_NORM],
        head_fields={"token_classification": (rotary.TAGS,)},
        unused=rotary.UNUSED | {"max_window_layers"},
        respelled=rotary.respelled(),
        constants=rotary.constants(fields, **constants),
        tied=rotary.TIED,
        ignored=rotary.IGNORED,
    )


def kinds_of_qwen(config: Config) -> list[str]:
    """The kinds of layers where a config does not list them: the upper ones may have windows."""
    first = config["max_window_layers"] if config["use_sliding_window"] else float("inf")
    number = config["num_hidden_layers"]
    return [rotary.SLIDING if index >= first else rotary.FULL for index in range(number)]


def whether_windows(value: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether any layer has a window."""
    return rotary.one_window(value, arguments) is not None


WINDOWS = rotary.windows(kinds_of_qwen)
WINDOWS = (*WINDOWS, Field("use_sliding_window", "windows", WINDOWS[0].load, whether_windows))
QWEN = {
    "vocab_size": 151936,
    "intermediate_size": 22016,
    "num_key_value_heads": 32,
    "max_position_embeddings": 32768,
    "use_sliding_window": False,
    "sliding_window": 4096,
    "max_window_layers": 28,
    "layer_types": None,
    "eos_token_id": None,
}
LLAMA = family(
    "llama",
    Llama,
    "Llama",
    (rotary.ATTENTION_BIAS, Field("mlp_bias", "feed_forward_bias")),
    {
        "vocab_size": 32000,
        "max_position_embeddings": 2048,
        "attention_bias": False,
        "mlp_bias": False,
    },
)
MISTRAL = family(
    "mistral",
    Mistral,
    "Mistral",
    (
        Field(
            "sliding_window",
            "windows",
            save=lambda windows, arguments: window_of_all(windows, arguments),
        ),
    ),
    {
        "vocab_size": 32000,
        "intermediate_size": 14336,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
        "sliding_window": 4096,
    },
    answers_apart=False,
)
QWEN2 = family("qwen2", Qwen2, "Qwen2", WINDOWS, QWEN, attention_bias=True, output_bias=False)
QWEN3 = family(
    "qwen3",
    Qwen3,
    "Qwen3",
    (rotary.ATTENTION_BIAS, *WINDOWS),
    {**QWEN, "head_dim": 128, "attention_bias": False},
    query_key_norm=True,
)


def window_of_all(windows: Any, arguments: Mapping[str, Any]) -> int | None:
    """Returns the window that all layers have."""
    sizes = {*rotary.windows_of(windows, arguments["num_layers"])}
    if len(sizes) > 1:
        raise ValueError(f"Mistral's files have one window for all layers, not {windows}.")
    return sizes.pop()
