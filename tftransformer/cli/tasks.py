"""The tasks of the command line: which objects they are, and what they are told there."""

import argparse
import inspect
import json
import pathlib
from collections.abc import Iterable
from typing import Any

from tftransformer.cli.options import Option, add_options, given, options_of, sizes_as_options

TASKS = {
    "translate": "Translator",
    "classify": "TextClassifier",
    "tag": "TokenClassifier",
    "answer": "QuestionAnswerer",
    "choose": "MultipleChoice",
    "fill": "FillMask",
    "embed": "TextEmbedder",
    "generate": "TextGenerator",
    "summarize": "Summarizer",
    "extract": "ExtractiveSummarizer",
    "parse": "Parser",
    "parse_sequence": "SequenceParser",
}
# Settings that a trained task may be given anew.
ANSWERING = "batch_size", "parallel"


def task_class(name: str) -> Any:
    """The class of a task, by its name on the command line."""
    import tftransformer

    return getattr(tftransformer, TASKS[name])


def saved_task(folder: str) -> Any:
    """The class of the task that was saved in a folder.

    Raises:
        ValueError: there is none, or more than one.
        FileNotFoundError: there is no such folder.
    """
    from tftransformer.tasks.pipeline import check_folder, saved_in

    check_folder(folder)
    found = saved_in(folder)
    if len(found) != 1:
        names = " and ".join(cls.__name__ for cls in found)
        raise ValueError(
            f"{folder} holds {names or 'no task'}, saved by train: say which one is meant, --task "
            f"{'|'.join(TASKS)}."
        )
    return found[0]


def add_task(parser: argparse.ArgumentParser, **how: Any) -> None:
    """Declares the option that says which task a command is of."""
    parser.add_argument("--task", choices=[*TASKS], **how)


def add_model(parser: argparse.ArgumentParser) -> None:
    """Declares the options that say which trained task answers."""
    parser.add_argument("--model", required=True, metavar="FOLDER", help="folder of a trained one")
    add_task(parser, help="what it is about; default: as FOLDER says")


def settings(cls: Any) -> list[Option]:
    """Settings of a task that a shell can give."""
    described = next(base for base in cls.__mro__ if "__init__" in vars(base))
    return options_of(cls, described.__doc__)


def sizes(cls: Any) -> list[Option]:
    """Sizes of its model from scratch."""
    return sizes_as_options(cls.sizes)


def add_loading(parser: argparse.ArgumentParser, cls: Any, without: str | None = None) -> None:
    """Declares what `load` may be told besides the folder, `without` an option or not."""
    add_options(parser, (option for option in _loading(cls) if option.name != without))


def load(options: argparse.Namespace, cls: Any) -> Any:
    """The task in the folder that the options name, saved by us or by Hugging Face's library."""
    changes = given(options, _loading(cls))
    folder = pathlib.Path(options.model)
    from_elsewhere = (folder / "config.json").is_file() and not (
        folder / f"{cls.task}.json"
    ).is_file()
    return cls(folder, **changes) if from_elsewhere else cls.load(folder, **changes)


def _loading(cls: Any) -> list[Option]:
    return [option for option in settings(cls) if option.name in ANSWERING]


def columns(cls: Any) -> dict[str, Any]:
    """Names that the columns of a table have unless others are given, by the option that does."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(cls.fit).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.annotation is Any
        if isinstance(parameter.default, str | None)
    }


def add_columns(parser: Any, cls: Any) -> None:
    """Declares the options that name the columns of a table."""
    for name, default in columns(cls).items():
        told = "" if default is None else f"; default: {default}"
        how: Any = {"nargs": "+", "metavar": "COLUMN", "help": f"column of {name}{told}"}
        parser.add_argument(f"--{name}", **how)


def chosen(options: argparse.Namespace, cls: Any, count: int | None = None) -> dict[str, Any]:
    """The columns that `fit` is told, by option: the names that were given, or the usual ones.

    Args:
        options: the parsed arguments.
        cls: the task.
        count: how many columns it was fitted with, if it was.

    Raises:
        ValueError: columns were named that do not go together.
    """
    usual = columns(cls)
    named = {name: getattr(options, name) for name in usual if getattr(options, name)}
    known = cls.ways or (tuple(usual),)
    if count is not None:
        known = sorted((way for way in known if len(way) <= count), key=len, reverse=True)
    ways = [way for way in known if named.keys() <= {*way}]
    if not ways:
        together = "; or ".join(" and ".join(f"--{name}" for name in way) for way in known)
        raise ValueError(f"{' and '.join(f'--{n}' for n in named)} do not go together: {together}.")
    return {name: named.get(name, [usual[name] or name]) for name in ways[0]}


def renamed(path: str, options: argparse.Namespace, task: Any) -> Any:
    """Reads a table whose columns may have other names than those that the task was fitted with.

    Raises:
        ValueError: a column is missing, or as many as were fitted are not named.
    """
    fitted = task.table_columns()
    first, *others = chosen(options, type(task), len(fitted))
    of_option = {first: fitted[: len(fitted) - len(others)]}
    of_option |= {
        name: [column] for name, column in zip(others, fitted[-len(others) :], strict=True)
    }
    names: list[Any] = []
    for name, known in of_option.items():
        given_names = getattr(options, name) or known
        if len(given_names) != len(known):
            raise ValueError(f"--{name} takes {len(known)} names, as in training: {known}.")
        names += given_names
    return read_named(path, names)[names].set_axis(fitted, axis="columns")


def read_named(path: str, names: Iterable[Any]) -> Any:
    """Reads a table that has columns of these names, or of the names in lists.

    Raises:
        ValueError: it has not; the message begins with the path.
    """
    from tftransformer import read_table
    from tftransformer.data.columns import check_columns, check_rows

    frame = read_table(path)
    flat = [n for name in names for n in (name if isinstance(name, list) else [name])]
    try:
        check_columns(frame, flat)
        check_rows(frame)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    return frame


def as_line(answer: Any) -> str:
    """An answer as one line: text as it is, else JSON."""
    if isinstance(answer, str):
        return " ".join(answer.splitlines())
    return json.dumps(answer, ensure_ascii=False, default=lambda value: value.tolist())
