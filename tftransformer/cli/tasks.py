"""The tasks of the command line: their options, and how they become settings."""

import argparse
from typing import Any, NamedTuple


class CliTask(NamedTuple):
    """What the commands know of a task.

    Attributes:
        name: of its class.
        noun: what is trained.
        columns: names that its columns have, unless others are given, by option.
    """

    name: str
    noun: str
    columns: dict[str, str]


TASKS = {
    "translate": CliTask("Translator", "translator", {"source": "en", "target": "de"}),
    "classify": CliTask("TextClassifier", "classifier", {"text": "text", "label": "label"}),
}
# Options whose defaults are those of the task: what they set, their kind, what they say.
SIZES = {
    "num_layers": (int, "layers, of encoder and decoder each; default: 4, of classifiers 1"),
    "d_model": (int, "width of the model; default: 128"),
    "num_heads": (int, "attention heads; default: 4"),
    "dff": (int, "width of the feed-forward nets; default: 256"),
    "norm": (str, 'layer norm before ("pre") or after ("post") sums; default: pre'),
    "dropout": (float, "dropout rate; default: 0.2"),
}
SETTINGS = {
    "vocab_size": (int, "pieces of the vocabulary; default: 8000, of classifiers 4000"),
    "max_length": (int, "most tokens of a text; default: 128, of classifiers 256"),
    "learning_rate": (float, "highest learning rate; default: 0.004, of classifiers 0.001"),
    "warmup_steps": (int, "updates until then; default: 1000"),
    "label_smoothing": (float, "label smoothing; default: 0.1"),
    "sampling_alpha": (float, "BPE-dropout, such as 0.1; default: 0.0"),
    "batch_tokens": (int, "most tokens of a batch on one side; default: 2048"),
    "seed": (int, "of the weights, the order of the data and dropout; default: 0"),
}


def add_task(parser: argparse.ArgumentParser) -> None:
    """Declares the option that says which task a command is of."""
    parser.add_argument("--task", choices=[*TASKS], default="translate", help="what it is about")


def task_class(options: argparse.Namespace) -> Any:
    """The class of the task that the options name."""
    import tftransformer

    return getattr(tftransformer, TASKS[options.task].name)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Declares columns and settings of all tasks."""
    add = parser.add_argument
    add("--source", metavar="COLUMN", help="column to translate from; default: en")
    add("--target", metavar="COLUMN", help="column to translate to; default: de")
    add("--text", nargs="+", metavar="COLUMN", help="column of texts, or two; default: text")
    add("--label", metavar="COLUMN", help="column of labels; default: label")
    for name, (kind, said) in {**SETTINGS, **SIZES}.items():
        add(f"--{name.replace('_', '-')}", type=kind, help=said)


def columns_of(options: argparse.Namespace) -> dict[str, Any]:
    """The columns of the task, by option; one in a list is itself.

    Raises:
        ValueError: a column of another task was given.
    """
    for task, described in TASKS.items():
        for name in described.columns:
            if task != options.task and getattr(options, name) is not None:
                raise ValueError(f"--{name} is for --task {task}.")
    found = {}
    for name, default in TASKS[options.task].columns.items():
        value = getattr(options, name) or default
        found[name] = value[0] if isinstance(value, list) and len(value) == 1 else value
    return found


def make_task(options: argparse.Namespace) -> Any:
    """The task with the settings that were given.

    Raises:
        ValueError: it has no such setting.
    """
    cls = task_class(options)
    given = {name for name in (*SETTINGS, *SIZES) if getattr(options, name) is not None}
    settings = {name: getattr(options, name) for name in given & {*cls.setting_names()}}
    sizes = {name: getattr(options, name) for name in given & SIZES.keys() - settings.keys()}
    unread = given - settings.keys() - (sizes.keys() if options.task == "translate" else set())
    for name in sorted(unread):
        raise ValueError(f"--{name.replace('_', '-')} is not for --task {options.task}.")
    return cls(sizes or None, **settings)
