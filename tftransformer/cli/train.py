"""Trains a task on a table.

The tables (.tsv, .csv, .jsonl, .json, .parquet) name their columns; that of a .txt file is `text`,
a row each line, those of .conll and .iob files are `tokens` and `tags`, and SQuAD's .json has
`question`, `context` and `answers`. All but .parquet may be compressed, as in .tsv.gz. Folder MODEL
receives checkpoints while training runs, and at its end what was trained, whose weights are the
average of the last checkpoints or the best epoch, whichever is better on the validation data.
`train --task TASK --help` tells the options of a task; without --task they are the translator's.
"""

import argparse
import pathlib
from typing import Any

from tftransformer.cli.options import add_options, given
from tftransformer.cli.tasks import (
    add_columns,
    add_task,
    chosen,
    read_named,
    settings,
    sizes,
)

HELP = "train a translator, a classifier or another task on a table"


def add_arguments(parser: argparse.ArgumentParser, cls: Any = None) -> None:
    """Declares the options of the command.

    Args:
        parser: parser of the command.
        cls: the task whose options are wanted, too.
    """
    add = parser.add_argument
    add_task(parser, default="translate", help="what is learnt")
    add("--train", required=True, metavar="FILE", help="table to learn from")
    add("--validation", metavar="FILE", help="another; default: a tenth of the training table")
    add("--model", required=True, metavar="FOLDER", help="where the run and its result go")
    add("--pretrained", metavar="FOLDER", help="of a trained model or task to train further")
    add("--recipe", help="how it is trained further, such as ulmfit: lower parts slower, and later")
    add("--epochs", type=int, help="passes over the data; default: as the task has it")
    add("--minutes", type=float, help="stop after so many minutes")
    add("--average", type=int, default=5, help="checkpoints in the average")
    add("--r-drop", type=float, help="weight of R-Drop, such as 5: twice the time")
    add("--resume", action="store_true", help="go on with the run in MODEL, begun so")
    if cls is not None:
        add_columns(parser.add_argument_group("columns"), cls)
        add_options(parser.add_argument_group("settings"), settings(cls))
        add_options(parser.add_argument_group("model from scratch"), sizes(cls))


def run(options: argparse.Namespace, cls: Any) -> None:
    """Runs the command."""
    from tftransformer.tasks.pipeline import saved_in

    folder = pathlib.Path(options.model)
    if not options.resume and (any(folder.glob("*/*.index")) or saved_in(folder)):
        raise ValueError(
            f"{folder} holds an earlier run. Go on with it: --resume; or begin another: "
            "--model FOLDER."
        )
    import tftransformer as tt

    task = make(options, cls)
    how = {
        "directory": folder,
        "resume": options.resume,
        "minutes": options.minutes,
        "recipe": options.recipe,
        "checkpointing": tt.Checkpointing(keep_last=options.average),
    }
    if options.epochs is not None:
        how["epochs"] = options.epochs
    if options.r_drop:
        how["step"] = tt.recipes.RDrop(options.r_drop)
    found = chosen(options, cls)
    named = {name: of[0] if len(of) == 1 else of for name, of in found.items()}
    frame = read_named(options.train, named.values())
    if options.validation:
        how["validation"] = read_named(options.validation, named.values())
    task.fit(frame, **named, **how)
    task.save(folder)
    print("rows", task.report_)
    print(
        "validation:", ", ".join(f"{name} {value:.4f}" for name, value in task.validation_.items())
    )
    print(f"{cls.__name__}: {folder}")


def make(options: argparse.Namespace, cls: Any) -> Any:
    """The task with the settings that were given.

    Raises:
        ValueError: sizes were given of a model that is there already.
    """
    changed = given(options, sizes(cls))
    if options.pretrained and changed:
        raise ValueError(f"{', '.join(changed)} say what a model from scratch is like.")
    model = pathlib.Path(options.pretrained) if options.pretrained else changed or None
    return cls(model, **given(options, settings(cls)))
