"""Trains a translator from English to German, looks at it, and serves it.

    python example.py                 trains on the corpus that the package brings, in minutes
    python example.py --train FILE --validation FILE --test FILE [--source en --target de]

trains on tables of sentence pairs (.tsv, .tsv.gz, .csv, .parquet; the first line names the
columns). Both write checkpoints, the translator, plots and the export to a folder, and
`--directory FOLDER --resume` goes on with a run that was interrupted.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import textwrap
import time

import keras

import tftransformer as tt
from tftransformer.data import nearest_neighbour, take_columns

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
    keras.utils.set_random_seed(1)

    # The data: pandas DataFrames with a column for each language.
    if arguments.train:
        frames = [
            tt.read_table(file) for file in (arguments.train, arguments.validation, arguments.test)
        ]
        minutes, vocab_size, num_layers, dropout, warmup = 30, 6000, 4, 0.2, 1000
    else:
        frames = tt.everyday_corpus()
        minutes, vocab_size, num_layers, dropout, warmup = 3, 1500, 2, 0.1, 300
    train_frame, validation_frame, test_frame = frames
    (sources, references), _ = take_columns(test_frame, [source, target])
    data = tt.DataProcess(source, target, vocab_size=vocab_size).fit(train_frame)
    train = data.batches(train_frame)
    validation = data.batches(validation_frame, training=False)
    print(f"training:   {train}\nvalidation: {validation}")

    # The model, its learning rate and its training.
    model = tt.Transformer(
        num_layers=num_layers,
        d_model=128,
        num_heads=4,
        dff=256,
        vocab_size=data.source_tokenizer.vocab_size,
        norm="pre",  # learns faster than "post" where data are few
        dropout=dropout,
    )
    print(f"model:      {model.count_params():,} parameters")
    trainer = tt.Trainer(
        model,
        train,
        validation,
        optimizer=keras.optimizers.Adam(
            tt.InverseSquareRootSchedule(0.004, warmup), beta_2=0.98, epsilon=1e-9
        ),
        epochs=1000,
        minutes=minutes if arguments.minutes is None else arguments.minutes,
        directory=directory,
        resume=arguments.resume,
    )
    history = trainer.train()
    trainer.load("winner", last=5)
    print(f"after {len(history.epoch)} epochs:", end=" ")
    print(", ".join(f"{name} {values[-1]:.4f}" for name, values in history.history.items()))
    tt.training_curves(history, path=directory / "training_curves.png")

    # How good it is on sentences that it has never seen.
    translate = tt.Translator(model, data)
    translate.save(directory / "translator")
    translations = translate(sources)
    scores = tt.translation_scores(translations, references)
    print(f"\n{len(sources)} test sentences: BLEU {scores['bleu']:.2f}, chrF {scores['chrf']:.2f}")
    copies = nearest_neighbour(train_frame, sources, source, target)
    copied = tt.translation_scores(copies, references)
    print(
        "(the translation of the most similar training sentence instead: "
        f"BLEU {copied['bleu']:.2f}, chrF {copied['chrf']:.2f})\n"
    )
    examples = range(0, len(sources), max(1, len(sources) // 8))[:8]
    print_table([(sources[i], references[i], translations[i]) for i in examples])

    # What the attention heads look at.
    weights, source_tokens, target_tokens = translate.alignment(sources[examples[0]])
    plot = directory / "attention.png"
    tt.alignment(weights[-1], source_tokens, target_tokens, words=True, path=plot)
    print(f"\nattention of the last layer: {plot}")

    # Strings in, strings out, in a process that knows neither Keras nor tftransformer.
    exported = directory / "saved_model"
    shutil.rmtree(exported, ignore_errors=True)  # of the run before a resume
    translate.export(exported)
    print(f"exported: {exported}; translated there in a fresh process:")
    shown = [sources[i] for i in examples]
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
