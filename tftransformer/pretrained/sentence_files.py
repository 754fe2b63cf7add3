"""What a folder of the sentence-transformers library says beside its model."""

import json
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
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt",
}
NAMES = {"cls": "first", "max": "max", "mean": "mean", "mean_sqrt_len_tokens": "mean_sqrt"}


@dataclass(frozen=True)
class SentenceFiles:
    """How a model makes one vector of a text.

    Attributes:
        parts: the parts of `AllTokensPooler`.
        normalize: whether vectors have the length 1.
        max_length: most tokens of a text, or None.
        lower_case: whether texts are lower-cased, whatever the tokenizer does.
    """

    parts: tuple[str, ...] = ("mean",)
    normalize: bool = False
    max_length: int | None = None
    lower_case: bool = False


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
    _check_prompt(folder)
    lower_case = bool(settings.get("do_lower_case"))
    return SentenceFiles(parts, normalize, settings.get("max_seq_length"), lower_case)


def write_sentence_files(files: SentenceFiles, folder: str | os.PathLike[str], width: int) -> None:
    """Writes what `read_sentence_files` reads, beside the model and the tokenizer of a folder.

    Args:
        files: what is to be said.
        folder: there is one.
        width: width of the vector of a token.

    Raises:
        ValueError: if the library would put what is taken of the tokens in another order.
    """
    folder, ordered = Path(folder), tuple(part for part in POOLING.values() if part in files.parts)
    if files.parts != ordered:
        raise ValueError(
            f"{files.parts} of the tokens are side by side in the vectors, and that library has "
            f"them as {ordered}."
        )
    names = ["Transformer", "Pooling", *["Normalize"] * files.normalize]
    paths = ["", *(f"{i}_{name}" for i, name in enumerate(names) if i)]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{name}"}
        for i, (name, path) in enumerate(zip(names, paths, strict=True))
    ]
    pooling = {name: part in files.parts for name, part in POOLING.items()}
    contents: dict[str, Any] = {
        "modules.json": modules,
        "1_Pooling/config.json": {"word_embedding_dimension": width, **pooling},
        "sentence_bert_config.json": {
            "max_seq_length": files.max_length,
            "do_lower_case": files.lower_case,
        },
        "config_sentence_transformers.json": {"prompts": {}, "default_prompt_name": None},
    }
    for path in paths:
        (folder / path).mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


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
