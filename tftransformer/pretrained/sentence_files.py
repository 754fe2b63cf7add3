"""What a folder of the sentence-transformers library says beside its model."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tftransformer.pretrained.folder import read_json

# Ways to pool, in the order in which that library puts several side by side.
POOLING = {
    "pooling_mode_cls_token": "first",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
}
NAMES = {"cls": "first", "max": "max", "mean": "mean"}


@dataclass(frozen=True)
class SentenceFiles:
    """How a model makes one vector of a text.

    Attributes:
        parts: of `AllTokensPooler`.
        normalize: whether vectors have the length 1.
        max_length: most tokens of a text, or None.
    """

    parts: tuple[str, ...] = ("mean",)
    normalize: bool = False
    max_length: int | None = None


def read_sentence_files(folder: str | os.PathLike[str]) -> SentenceFiles | None:
    """Reads modules.json and what it names; None where a folder has no such file.

    Raises:
        ValueError: if a module, or a way to pool, is none that is known here.
    """
    folder = Path(folder)
    if not (folder / "modules.json").is_file():
        return None
    modules = read_json(folder / "modules.json", list)
    parts: tuple[str, ...] = ("mean",)
    normalize = False
    for module in modules:
        kind = str(module.get("type", "")).rpartition(".")[2]
        if kind == "Pooling":
            parts = _parts(read_json(folder / module["path"] / "config.json"), folder)
        elif kind == "Normalize":
            normalize = True
        elif kind != "Transformer":
            raise ValueError(f"{folder}: modules.json has a module {kind!r}, which is not known.")
    settings: dict[str, Any] = {}
    if (folder / "sentence_bert_config.json").is_file():
        settings = read_json(folder / "sentence_bert_config.json")
    if settings.get("do_lower_case"):
        raise ValueError(
            f"{folder}: sentence_bert_config.json has do_lower_case=true, which is not known: let "
            "the tokenizer do it."
        )
    _check_prompt(folder)
    return SentenceFiles(parts, normalize, settings.get("max_seq_length"))


def _check_prompt(folder: Path) -> None:
    """Raises if words are put before each text."""
    path = folder / "config_sentence_transformers.json"
    settings = read_json(path) if path.is_file() else {}
    name = settings.get("default_prompt_name")
    if name is not None and (prompt := (settings.get("prompts") or {}).get(name)) != "":
        raise ValueError(
            f"{path} has default_prompt_name={name!r}, that is {prompt!r} before each text, which "
            "is not known: set it to null, and put the prompt before your texts."
        )


def _parts(config: dict[str, Any], folder: Path) -> tuple[str, ...]:
    """What a pooling module takes of the tokens."""
    if "pooling_mode" in config:
        named = config["pooling_mode"]
        wanted = [named] if isinstance(named, str) else list(named)
        unknown = [name for name in wanted if name not in NAMES]
        found = [NAMES[name] for name in wanted if name in NAMES]
    else:
        wanted = [name for name, on in config.items() if name.startswith("pooling_mode_") and on]
        unknown = [name for name in wanted if name not in POOLING]
        found = [part for name, part in POOLING.items() if name in wanted]
    if unknown or not found:
        raise ValueError(
            f"{folder}: 1_Pooling asks for {', '.join(unknown) or 'nothing'}; known are "
            f"{', '.join(NAMES)}."
        )
    return tuple(found)
