"""Tasks by the names of transformers, and loading of any saved task."""

import importlib
import os
import pathlib
from typing import Any

# Names → classes.
NAMES = {
    "text-classification": "TextClassifier",
    "sentiment-analysis": "TextClassifier",
    "token-classification": "TokenClassifier",
    "ner": "TokenClassifier",
    "question-answering": "QuestionAnswerer",
    "multiple-choice": "MultipleChoice",
    "fill-mask": "FillMask",
    "text-generation": "TextGenerator",
    "summarization": "Summarizer",
    "translation": "Translator",
    "text2text-generation": "Translator",
    "parsing": "Parser",
    "constituency-parsing": "Parser",
    "feature-extraction": "TextEmbedder",
    "sentence-similarity": "TextEmbedder",
    "sentence-embedding": "TextEmbedder",
}


def pipeline(task: str, model: str | os.PathLike, **settings: Any) -> Any:
    """Returns a task, ready to answer, by its name in Hugging Face's library.

    "text-classification" ("sentiment-analysis"), "token-classification" ("ner"),
    "question-answering", "fill-mask", "text-generation", "summarization", "translation" (also
    "translation_en_to_de" and the like, with the prefix that the folder has for it),
    "text2text-generation" (a `Translator`, without the prefix that a folder has for translations,
    or whichever task that writes a text for another was saved), "feature-extraction",
    "multiple-choice", and more. It returns a task of this package: see its class.

    Args:
        task: the name.
        model: the folder of a model that Hugging Face's library or `save` wrote. Nothing is
            downloaded.
        **settings: settings of the class.

    Raises:
        ValueError: if the name is unknown, or the folder cannot be read.
        RuntimeError: if the folder has no trained head for the task.

    Example:

    >>> tt.pipeline("chess", "folder")
    Traceback (most recent call last):
        ...
    ValueError: 'chess' is no task that is known here: ...
    """
    name = task.lower() if isinstance(task, str) else ""
    whole = name
    if name.startswith("translation_") and "_to_" in name:
        name = "translation"
    kinds = _classes()
    kind = kinds.get(NAMES.get(name, ""))
    if name == "text2text-generation":
        kind = next((each for each in saved_in(model) if hasattr(each, "writes")), kind)
    if kind is None:
        known = sorted(name for name, made in NAMES.items() if made in kinds)
        raise ValueError(f"{task!r} is no task that is known here: {', '.join(known)}.")
    if (pathlib.Path(model) / f"{kind.task}.json").is_file():
        return kind.load(model, **settings)
    if whole not in NAMES or name == "text2text-generation":
        settings = {"prefix": _prefix_of(whole, pathlib.Path(model)), **settings}
    made = kind(model, **settings)
    made.fitted()
    return made


def _prefix_of(name: str, folder: pathlib.Path) -> str | None:
    """What a folder of Hugging Face has before each text for a task of that whole name, if it says.

    Another name of the task has another prefix, or there is only one: None. Of any text there is
    none: "".
    """
    from tftransformer.pretrained.folder import read_json

    place = folder / "config.json"
    config = read_json(place) if place.is_file() else {}
    own = (config.get("task_specific_params") or {}).get(name) or {}
    return own.get("prefix", "" if name in NAMES else None)


def load(folder: str | os.PathLike, **changes: Any) -> Any:
    """Loads the task that was saved in a folder, whichever it is.

    Args:
        folder: the folder.
        **changes: settings that replace the saved ones.

    Raises:
        FileNotFoundError: if there is no such folder, or it holds no saved task.
        ValueError: if a file is damaged, or the folder is an export.
    """
    check_folder(folder)
    found = saved_in(folder)
    if len(found) != 1:
        names = ", ".join(kind.__name__ for kind in found)
        what = f"several tasks ({names})" if found else f"no task{saved_near(folder)}"
        raise FileNotFoundError(
            f"{folder} holds {what}. save(folder) of a task writes one; for the folder of a model "
            "give it to the task: TextClassifier(folder)."
        )
    return found[0].load(folder, **changes)


def check_folder(folder: str | os.PathLike) -> None:
    """Raises where no task can have been saved: at no folder, or at a SavedModel."""
    place = pathlib.Path(folder)
    if not place.is_dir():
        raise FileNotFoundError(
            f"there is no folder {str(folder)!r} (looked in {os.getcwd()!r}){saved_near(folder)}."
        )
    if (place / "saved_model.pb").is_file():
        raise ValueError(
            f"{folder} is a SavedModel, as export writes it: TensorFlow serves it, and its "
            "README.md shows how. Give the folder that save or train has written."
        )


def saved_in(folder: str | os.PathLike) -> list[Any]:
    """The classes of the tasks that were saved into a folder."""
    place = pathlib.Path(folder)
    return [kind for kind in _classes().values() if (place / f"{kind.task}.json").is_file()]


def saved_near(folder: str | os.PathLike) -> str:
    """What an error about a folder adds where a task was saved a folder deeper or higher."""
    place = pathlib.Path(folder)
    near = [*sorted(place.glob("*/")), place.parent]
    found = [(kind, other) for other in near for kind in saved_in(other)]
    if not found:
        return ""
    kind, other = found[0]
    return f", but there is a {kind.__name__} in {other}: give that folder"


def _classes() -> dict[str, Any]:
    """The tasks that there are, by the names of their classes."""
    tasks = importlib.import_module("tftransformer.tasks")
    named = {name: getattr(tasks, name) for name in tasks.__all__}
    return {
        name: kind
        for name, kind in named.items()
        if isinstance(kind, type) and issubclass(kind, tasks.Task) and hasattr(kind, "task")
    }
