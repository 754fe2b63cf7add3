"""Trains a translator from English to German, looks at it, and serves it.

    python example.py                 trains on the corpus that the package brings, in minutes
    python example.py --train FILE --validation FILE --test FILE [--source en --target de]

trains on tables of sentence pairs (.tsv, .tsv.gz, .csv, .parquet; the first line names the
columns). Both write checkpoints, the translator, plots and the export to a folder, and
`--directory FOLDER --resume` goes on with a run that was interrupted.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow reads it

import tftransformer as tt
from tftransformer.data import take_columns

# What serves the export: neither Keras nor this package, only TensorFlow and its text ops.
SERVE = """
import sys
import tensorflow as tf
import tensorflow_text  # registers the ops of the tokenizers
translate = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
for line in translate(texts=tf.constant(sys.argv[2:]))["translations"].numpy():
    print(line.decode())
"""


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for split in ("train", "validation", "test"):
        parser.add_argument(f"--{split}", metavar="FILE", help=f"table of {split} pairs")
    parser.add_argument("--source", default="en", help="column to translate from (en)")
    parser.add_argument("--target", default="de", help="column to translate to (de)")
    parser.add_argument("--minutes", type=float, help="of training; 3, or 30 with --train")
    parser.add_argument("--directory", help="for all that is written (a new one in runs/)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --directory")
    arguments = parser.parse_args()
    if arguments.resume and not arguments.directory:
        parser.error("--resume needs the --directory of the run to go on with.")
    files = [arguments.train, arguments.validation, arguments.test]
    if any(files) and not all(files):
        parser.error("--train, --validation and --test belong together: give all three or none.")
    return arguments


def print_table(rows: list[tuple[str, str, str]]) -> None:
    """Prints sources, references and translations, each in a column of its own."""
    width = 38
    for row in [("SOURCE", "REFERENCE", "TRANSLATION"), *rows]:
        cells = [textwrap.wrap(cell, width) or [""] for cell in row]
        for i in range(max(map(len, cells))):
            print("  ".join((c[i] if i < len(c) else "").ljust(width) for c in cells).rstrip())


def main() -> None:
    arguments = parse_arguments()
    source, target = arguments.source, arguments.target
    directory = pathlib.Path(arguments.directory or time.strftime("runs/%Y-%m-%d_%H-%M-%S"))
    # The data: pandas DataFrames with a column for each language.
    if arguments.train:
        train, validation, test = map(
            tt.read_table, (arguments.train, arguments.validation, arguments.test)
        )
        minutes, settings = 30, {"vocab_size": 6000}
    else:
        train, validation, test = tt.everyday_corpus()
        sizes = {"num_layers": 2, "dropout": 0.1}
        minutes, settings = 3, {"model": sizes, "vocab_size": 1500, "warmup_steps": 300}
    (sources, references), _ = take_columns(test, [source, target])

    # Vocabulary, model and training.
    translate = tt.Translator(batch_tokens=4096, **settings)
    translate.fit(
        train,
        source=source,
        target=target,
        validation=validation,
        epochs=1000,
        minutes=minutes if arguments.minutes is None else arguments.minutes,
        directory=directory,
        resume=arguments.resume,
    )
    history = translate.history_
    print(f"after {len(history['loss'])} epochs:", end=" ")
    print(", ".join(f"{name} {values[-1]:.4f}" for name, values in history.items()))
    tt.training_curves(history, path=directory / "training_curves.png")
    translate.save(directory / "translator")

    # How good it is on sentences that it has never seen.
    scores = translate.evaluate(sources, references)
    print(f"\n{len(sources)} test sentences: BLEU {scores['bleu']:.2f}, chrF {scores['chrf']:.2f}")
    print(
        "(the translation of the most similar training sentence instead: "
        f"BLEU {scores['nearest']['bleu']:.2f}, chrF {scores['nearest']['chrf']:.2f})\n"
    )
    every = max(1, len(sources) // 8)
    shown, wanted = sources[::every][:8], references[::every][:8]
    print_table(list(zip(shown, wanted, translate(shown), strict=True)))

    # What the attention heads look at.
    weights, source_tokens, target_tokens = translate.alignment(shown[0])
    plot = directory / "attention.png"
    tt.alignment(weights[-1], source_tokens, target_tokens, words=True, path=plot)
    print(f"\nattention of the last layer: {plot}")

    # Strings in, strings out, in a process that knows neither Keras nor tftransformer.
    exported = directory / "saved_model"
    shutil.rmtree(exported, ignore_errors=True)  # of the run before a resume
    translate.export(exported)
    print(f"exported: {exported}; translated there in a fresh process:")
    served = subprocess.run(
        [sys.executable, "-c", SERVE, str(exported), *shown],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    ).stdout.splitlines()
    for before, after in zip(shown, served, strict=True):
        print(f"  {before}  →  {after}")


if __name__ == "__main__":
    main()
