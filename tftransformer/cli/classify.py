"""What the commands do with `--task classify`."""

import argparse
from typing import Any

# Options of `train` that are for translators alone.
OF_TRANSLATORS = (
    *("source", "target", "num_layers", "d_model", "num_heads", "dff", "norm", "dropout"),
    *("label_smoothing", "warmup_steps", "r_drop", "sampling_alpha", "batch_tokens", "average"),
)


def add_task(parser: argparse.ArgumentParser) -> None:
    """Declares the option that says which task a command is of."""
    tasks = ["translate", "classify"]
    parser.add_argument("--task", choices=tasks, default="translate", help="what it is about")


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Declares the columns of a table for `--task classify`."""
    add = parser.add_argument
    add("--text", nargs="+", metavar="COLUMN", help="column of texts, or two; default: text")
    add("--label", metavar="COLUMN", help="column of labels; default: label")


def read(path: str) -> Any:
    """Reads a table; its columns are looked for where it is used."""
    from tftransformer import read_table

    return read_table(path)


def train(options: argparse.Namespace) -> None:
    """Trains a classifier."""
    import tftransformer as tt

    for name in OF_TRANSLATORS:
        if getattr(options, name) != options.parser.get_default(name):
            raise ValueError(f"--{name.replace('_', '-')} is for --task translate.")
    settings: dict[str, Any] = {}
    how: dict[str, Any] = {"directory": options.model, "resume": options.resume}
    for name, into in (
        *(("vocab_size", settings), ("max_length", settings), ("learning_rate", settings)),
        *(("epochs", how), ("minutes", how)),
    ):
        if getattr(options, name) != options.parser.get_default(name):
            into[name] = getattr(options, name)
    if options.validation:
        how["validation"] = read(options.validation)
    classify = tt.TextClassifier(seed=options.seed, **settings)
    names = {"text": options.text or "text", "label": options.label or "label"}
    if len(names["text"]) == 1:
        names["text"] = names["text"][0]
    classify.fit(read(options.train), **names, **how)
    classify.save(options.model)
    print(f"rows {classify.report_}\nclassifier: {options.model}")


def evaluate(options: argparse.Namespace) -> None:
    """Scores a classifier on a table whose columns are those that it was fitted with."""
    import tftransformer as tt

    scores = tt.TextClassifier.load(options.model).evaluate(read(options.test))
    for name, value in scores.items():
        print(name, value if isinstance(value, int) else f"{value:.4f}")
