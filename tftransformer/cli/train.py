"""Trains a translator on a table of sentence pairs.

The tables (.tsv, .tsv.gz, .csv, .csv.gz, .parquet) name their columns in the first line. Folder
MODEL receives checkpoints while training runs, and at its end the translator, whose weights are the
average of the last checkpoints or the best epoch, whichever is better on the validation data.
"""

import argparse
import functools
import pathlib

from tftransformer.cli import classify
from tftransformer.cli.tables import read_pairs

HELP = "train a translator on a table of sentence pairs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add = parser.add_argument
    classify.add_task(parser)
    classify.add_columns(parser)
    parser.set_defaults(parser=parser)
    add("--train", required=True, metavar="FILE", help="table of sentence pairs")
    add("--validation", metavar="FILE", help="another; default: a tenth of the training table")
    add("--model", required=True, metavar="FOLDER", help="where the run and its translator go")
    add("--source", default="en", metavar="COLUMN", help="column to translate from")
    add("--target", default="de", metavar="COLUMN", help="column to translate to")
    add("--vocab-size", type=int, default=8000, help="pieces of the joint vocabulary")
    add("--num-layers", type=int, default=4, help="layers of encoder and decoder each")
    add("--d-model", type=int, default=128, help="width of the model")
    add("--num-heads", type=int, default=4, help="attention heads")
    add("--dff", type=int, default=256, help="width of the feed-forward nets")
    add("--norm", choices=["pre", "post"], default="pre", help="layer norm before or after sums")
    add("--dropout", type=float, default=0.2, help="dropout rate")
    add("--label-smoothing", type=float, default=0.1, help="label smoothing")
    add("--learning-rate", type=float, default=0.004, help="highest learning rate")
    add("--warmup-steps", type=int, default=1000, help="updates until then")
    add("--r-drop", type=float, help="weight of R-Drop, such as 5: twice the time")
    add("--sampling-alpha", type=float, default=0.0, help="BPE-dropout, such as 0.1")
    add("--batch-tokens", type=int, default=2048, help="most tokens of a batch on one side")
    add("--max-length", type=int, default=128, help="most tokens of a text")
    add("--epochs", type=int, default=30, help="passes over the data")
    add("--minutes", type=float, help="stop after so many minutes")
    add("--average", type=int, default=5, help="checkpoints in the average")
    add("--seed", type=int, default=0, help="of the weights, the order of the data and dropout")
    add("--resume", action="store_true", help="go on with the run in MODEL, begun so")


def run(options: argparse.Namespace) -> None:
    """Runs the command."""
    import keras

    import tftransformer as tt
    from tftransformer.core import unallocated
    from tftransformer.tasks.task import begun_with

    folder = pathlib.Path(options.model)
    earlier = (
        *folder.glob("*/*.index"),
        *folder.glob("translator.json"),
        *folder.glob("text_classifier.json"),
    )
    if earlier and not options.resume:
        # Before its vocabulary is written over.
        raise ValueError(
            f"{folder} holds an earlier run. Go on with it: --resume; or begin another: "
            "--model FOLDER."
        )
    if options.task == "classify":
        classify.train(options)
        return
    # What is wrong with options or tables should come out before anything is learnt.
    data = tt.DataProcess(
        options.source,
        options.target,
        vocab_size=options.vocab_size,
        sampling_alpha=options.sampling_alpha,
        batch_tokens=options.batch_tokens,
        max_length=options.max_length,
        seed=options.seed,
    )
    if options.resume and (folder / "data").is_dir():
        data = begun_with(data, tt.DataProcess.load(folder / "data"))
    schedule = tt.InverseSquareRootSchedule(options.learning_rate, options.warmup_steps)
    loss = tt.LabelSmoothedCrossEntropy(options.label_smoothing)
    checkpointing = tt.Checkpointing(keep_last=options.average)
    transformer = functools.partial(
        tt.Transformer,
        num_layers=options.num_layers,
        d_model=options.d_model,
        num_heads=options.num_heads,
        dff=options.dff,
        norm=options.norm,
        dropout=options.dropout,
    )
    with unallocated():  # for its checks alone: how many pieces there are is not known yet
        transformer(vocab_size=options.vocab_size)
    frame, *_ = read_pairs(options.train, options.source, options.target)
    if options.validation:
        validation_frame, *_ = read_pairs(options.validation, options.source, options.target)
    else:
        frame, validation_frame = data.train_test_split(frame)
    if not data.is_fitted:
        data.fit(frame).save(folder / "data")
    train, validation = data.batches(frame), data.batches(validation_frame, training=False)
    print(f"training: {train}\nvalidation: {validation}")

    keras.utils.set_random_seed(options.seed)
    model = transformer(vocab_size=data.source_tokenizer.vocab_size)
    trainer = tt.Trainer(
        model,
        train,
        validation,
        loss=loss,
        optimizer=keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9),
        epochs=options.epochs,
        minutes=options.minutes,
        directory=folder,
        resume=options.resume,
        step=tt.recipes.RDrop(options.r_drop) if options.r_drop else None,
        checkpointing=checkpointing,
    )
    trainer.train()
    trainer.load("winner", last=options.average)
    tt.Translator(model, data, max_length=options.max_length).save(folder)
    scores = trainer.evaluate(validation)
    print("validation:", ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
    print(f"translator: {folder}")
