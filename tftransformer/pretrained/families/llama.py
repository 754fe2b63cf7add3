"""The files of Llama, Mistral, Qwen 2 and Qwen 3."""

from collections.abc import Mapping
from typing import Any

from tftransformer.models import Llama, Mistral, Qwen2, Qwen3
from tftransformer.pretrained.families import rotary_decoder as rotary
from tftransformer.pretrained.fields import Config, Field


def kinds_of_qwen(config: Config) -> list[str]:
    """The kinds of layers where a config does not list them: the upper ones may have windows."""
    first = config["max_window_layers"] if config["use_sliding_window"] else float("inf")
    number = config["num_hidden_layers"]
    return [rotary.SLIDING if index >= first else rotary.FULL for index in range(number)]


def whether_windows(value: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether any layer has a window."""
    return rotary.one_window(value, arguments) is not None


def window_of_all(windows: Any, arguments: Mapping[str, Any]) -> int | None:
    """Returns the window that all layers have."""
    first, *others = rotary.windows_of(windows, arguments["num_layers"])
    if any(window != first for window in others):
        raise ValueError(f"Mistral's files have one window for all layers, not {windows}.")
    return first


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
LLAMA = rotary.family(
    "llama",
    Llama,
    "Llama",
    (rotary.ACTIVATION, rotary.ATTENTION_BIAS, Field("mlp_bias", "feed_forward_bias")),
    {
        "vocab_size": 32000,
        "max_position_embeddings": 2048,
        "attention_bias": False,
        "mlp_bias": False,
    },
)
MISTRAL = rotary.family(
    "mistral",
    Mistral,
    "Mistral",
    (rotary.ACTIVATION, Field("sliding_window", "windows", save=window_of_all)),
    {
        "vocab_size": 32000,
        "intermediate_size": 14336,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
        "sliding_window": 4096,
    },
    answers="model.",
)
QWEN2 = rotary.family(
    "qwen2",
    Qwen2,
    "Qwen2",
    (rotary.ACTIVATION, *WINDOWS),
    QWEN,
    attention_bias=True,
    output_bias=False,
)
QWEN3 = rotary.family(
    "qwen3",
    Qwen3,
    "Qwen3",
    (rotary.ACTIVATION, rotary.ATTENTION_BIAS, *WINDOWS),
    {**QWEN, "head_dim": 128, "attention_bias": False},
    query_key_norm=True,
)
