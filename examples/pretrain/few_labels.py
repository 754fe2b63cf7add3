"""What pre-training is worth, by the number of rows that have labels.

    python examples/pretrain/few_labels.py --train train.tsv --test dev.tsv \
        --text sentence --label label [--more texts.tsv] [--rows 100 500 2000] [--seeds 0 1 2]

One small encoder learns labels in three ways: from scratch; after it has guessed masked tokens of
all texts, whose labels it is not told; and both at once, of the rows with labels alone. Beside it a
linear machine on TF-IDF. Accuracy and macro F1 of each go to `log.jsonl`, mean and range over the
seeds into a table and `few_labels.png`. A run that was stopped goes on with --directory FOLDER.
Without --train: tenses of the embedded corpus.
"""

import math
import pathlib
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import pandas as pd
from language import Log, parsed, shared, spread, tables_of

import tftransformer as tt
from tftransformer.tasks.baselines import linear_baseline
from tftransformer.visualize.figure import Plot

SIZES = {"family": "SentenceModel", "num_layers": 2, "d_model": 128, "num_heads": 4, "dff": 512}
GUESSING = SIZES | {"dropout": 0.1, "token_dropout": 0.0}  # few of many texts are seen twice
LENGTH, VOCABULARY = 64, 8000
MASKED, CLASSES = "masked_lm", "sequence_classification"
COLOURS = {"linear": "#999999", "scratch": "#D55E00", "joint": "#009E73", "pre-trained": "#0072B2"}


def main() -> None:
    options = options_of()
    train, test = tables_of(options.train, options.test, size=4000)
    columns = {"text": options.text, "label": options.label}
    log = Log(options.directory)
    folder = options.directory / "masked"
    log("rows", train=len(train), test=len(test), classes=train[options.label].nunique())
    fill = pretrained(train, folder, options)
    log(
        "masked tokens",
        perplexity=fill.evaluate(test[[options.text]], baselines=False)["perplexity"],
    )
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    counts = sorted({min(count, len(train)) for count in options.rows} | {len(train)})
    for seed in options.seeds:
        order = np.random.default_rng(seed).permutation(len(train))
        for count in counts:
            given = train.iloc[order[:count]], test, columns
            ways: dict[str, Callable[[], list[Any]]] = {
                "linear": partial(linear, *given),
                "scratch": partial(classified, SIZES, *given, seed, fill),
                "joint": partial(jointly, *given, seed, fill),
                "pre-trained": partial(classified, folder, *given, seed, fill),
            }
            for way, answer in ways.items():
                what = f"{way}, {count} rows, seed {seed}"
                find = partial(scores_of, test[options.label].tolist(), answer)
                found[way, count].append(100 * log.once(what, find)[options.score])
    shown(found, counts, options)


def options_of() -> Any:
    parser = shared.parser_of(__doc__)
    add = parser.add_argument
    add("--train", metavar="FILE", help="table of all texts and their labels")
    add("--test", metavar="FILE", help="another one to score; default: a tenth of the rows")
    add("--more", metavar="FILE", help="table of further texts to guess masked tokens of")
    add("--text", default="en", help="column of the texts (en)")
    add("--label", default="tense", help="column of the labels (tense)")
    add("--rows", type=int, nargs="+", default=[100, 300, 1000, 3000], help="that have labels")
    add("--epochs", type=int, default=30, help="of guessing masked tokens (30)")
    add("--score", default="accuracy", choices=["accuracy", "macro_f1"], help="that is drawn")
    return parsed(parser, seeds=[0, 1, 2])


def pretrained(train: Any, folder: pathlib.Path, options: Any) -> tt.FillMask:
    """Guesses masked tokens of all texts; a second run goes on with the folder of the first."""
    if folder.is_dir():
        return tt.FillMask.load(folder)
    texts, run = train[options.text].astype(str).tolist(), folder.with_name("guessing")
    if options.more is not None:
        texts += tt.read_table(options.more)[options.text].dropna().tolist()
    fill = tt.FillMask(GUESSING, max_length=LENGTH, vocab_size=VOCABULARY, share=0.2)
    how = {"epochs": options.epochs, "validation": min(1000, len(texts) // 10), "verbose": 2}
    table = pd.DataFrame({options.text: texts})
    fill.fit(table, text=options.text, **how, directory=run, resume=run.is_dir()).save(folder)
    return fill


def scores_of(truth: list[Any], answer: Callable[[], list[Any]]) -> dict[str, float]:
    """What is logged of answers."""
    scores = tt.scores.classification_scores(truth, answer())
    return {"accuracy": scores["accuracy"], "macro_f1": scores["macro"]["f1"]}


def linear(rows: Any, test: Any, columns: dict[str, str]) -> list[Any]:
    """Answers of the linear machine."""
    known = rows[columns["text"]].astype(str).tolist(), rows[columns["label"]].tolist()
    return linear_baseline(*known, test[columns["text"]].astype(str).tolist())


def classified(
    model: Any, rows: Any, test: Any, columns: dict[str, str], seed: int, fill: tt.FillMask
) -> list[Any]:
    """Answers of a classifier, from scratch or of what has guessed masked tokens."""
    is_trained = isinstance(model, pathlib.Path)
    classify = tt.TextClassifier(
        model,
        tokenizer=None if is_trained else fill.data_.tokenizers[0],
        max_length=LENGTH,
        learning_rate=1e-3,
        seed=seed,
    )
    how = {"epochs": epochs_of(rows), "validation": 0, "verbose": 0}
    classify.fit(rows, **columns, **how)
    return classify.predict(test[columns["text"]].tolist())


def jointly(
    rows: Any, test: Any, columns: dict[str, str], seed: int, fill: tt.FillMask
) -> list[Any]:
    """Answers of a model that learns labels and masked tokens at once."""
    keras.utils.set_random_seed(seed)
    classes = tt.Classes(output=CLASSES, smoothing=0.1)
    tokenizer = fill.data_.tokenizers[0]
    data = tt.DataProcess(
        *columns.values(),
        objective=tt.Joint([classes, tt.MaskedTokens(output=MASKED)]),
        tokenizer=tokenizer,
        max_length=LENGTH,
        batch_tokens=1024,
        seed=seed,
    ).fit(rows)
    batches = data.batches(rows)
    sizes = {name: value for name, value in SIZES.items() if name != "family"}
    model = tt.SentenceModel(
        tokenizer.vocab_size,
        **sizes,
        num_positions=LENGTH,
        pad_id=tokenizer.special_ids["pad"],
        heads={CLASSES: {"labels": data.objective.objectives[0].num_outputs}, MASKED: {}},
    )
    epochs = epochs_of(rows)
    optimizer = tt.recipes.averaged_adamw(1e-3, epochs * len(batches))
    tt.Trainer(model, batches, epochs=epochs, optimizer=optimizer, verbose=0).train()
    classify = tt.TextClassifier(model, tokenizer=tokenizer, max_length=LENGTH)
    best = classify.predict_proba(test[columns["text"]].tolist()).to_numpy().argmax(1)
    return [data.objective.objectives[0].classes_[number] for number in best]


def epochs_of(rows: Any) -> int:
    """Ten; of few rows as many as make about 150 updates of forty rows."""
    return max(10, math.ceil(150 * 40 / len(rows)))


def shown(found: dict[tuple[str, int], list[float]], counts: list[int], options: Any) -> None:
    """Prints the table, and draws it with bars from the lowest to the highest."""
    print(f"\n{options.score} with labels of", *(f"{count:,}" for count in counts), sep="\t")
    plot = Plot(5.6, 4.0)
    plot.set_layout_engine("constrained")
    axes = plot.subplots()
    for way, colour in COLOURS.items():
        runs = [found[way, count] for count in counts]
        means = np.array([np.mean(each) for each in runs])
        below, above = (np.abs([edge(each) for each in runs] - means) for edge in (np.min, np.max))
        print(way, *map(spread, runs), sep="\t")
        axes.errorbar(counts, means, [below, above], color=colour, marker="o", capsize=3, label=way)
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("rows with labels")
    axes.set_ylabel(options.score.replace("_", " ") + ", %")
    axes.grid(True, color="0.5", alpha=0.2, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=9, frameon=False)
    plot.save(options.directory / "few_labels.png")
    print(f"picture: {options.directory / 'few_labels.png'}")


if __name__ == "__main__":
    main()
