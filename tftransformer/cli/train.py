"""Trains a translator on a table of sentence pairs, or with --task classify a classifier.

The tables (.tsv, .tsv.gz, .csv, .csv.gz, .parquet) name their columns in the first line. Folder
MODEL receives checkpoints while training runs, and at its end what was trained, whose weights are
the average of the last checkpoints or the best epoch, whichever is better on the validation data.
"""

import argparse
import pathlib

from tftransformer.cli.tables import read_columns
from tftransformer.cli.tasks import TASKS, add_settings, add_task, columns_of, make_task

HELP = "train a translator on a table of sentence pairs, or a classifier"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add = parser.add_argument
    add_task(parser)
    add("--train", required=True, metavar="FILE", help="table of sentence pairs, or labelled texts")
    add("--validation", metavar="FILE", help="another; default: a tenth of the training table")
    add("--model", required=True, metavar="FOLDER", help="where the run and its result go")
    add_settings(parser)
    add("--r-drop", type=float, help="weight of R-Drop, such as 5: twice the time")
    add("--epochs", type=int, help="passes over the data; default: 30, of classifiers 20")
    add("--minutes", type=float, help="stop after so many minutes")
    add("--average", type=int, default=5, help="checkpoints in the average")
    add("--resume", action="store_true", help="go on with the run in MODEL, begun so")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    folder = pathlib.Path(options.model)
    earlier = (
        *folder.glob("*/*.index"),
        *folder.glob("translator.json"),
        *folder.glob("text_classifier.json"),
    )
    if earlier and not options.resume:
        raise ValueError(
            f"{folder} holds an earlier run. Go on with it: --resume; or begin another: "
            "--model FOLDER."
        )
    import tftransformer as tt

    columns, task = columns_of(options), make_task(options)
    how = {
        "directory": folder,
        "resume": options.resume,
        "minutes": options.minutes,
        "checkpointing": tt.Checkpointing(keep_last=options.average),
    }
    if options.epochs is not None:
        how["epochs"] = options.epochs
    if options.r_drop:
        how["step"] = tt.recipes.RDrop(options.r_drop)
    frame, *_ = read_columns(options.train, columns)
    if options.validation:
        how["validation"], *_ = read_columns(options.validation, columns)
    task.fit(frame, **columns, **how)
    task.save(folder)
    print("rows", task.report_)
    print(
        "validation:", ", ".join(f"{name} {value:.4f}" for name, value in task.validation_.items())
    )
    print(f"{TASKS[options.task].noun}: {folder}")
