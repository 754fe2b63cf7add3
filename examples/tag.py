"""Learns to find entities in texts, looks at how well, and serves it.

    python examples/tag.py                 finds names, places and numbers in sentences made
                                           of templates, in about two minutes; of templates so
                                           regular a linear machine finds all
    python examples/tag.py --data FILE [--test FILE] [--model FOLDER]

trains on a .conll or .iob file: a word a line, its tag at the end of the line, a blank line between
sentences; .gz, too. Or on a .jsonl file of texts and spans.
"""

import random

import pandas as pd
from shared import options_of, parser_of, tables

import tftransformer as tt

NAMES = [
    "Ann",
    "Tom",
    "Mary",
    "Bob",
    "Zoe",
    "Paul",
    "Emma",
    "Max",
    "Lena",
    "Felix",
    "Nora",
    "Otto",
    "Ida",
    "Hugo",
    "Greta",
    "Karl",
]
FAMILIES = ["Miller", "Baker", "Stone", "Hill", "Fox", "King", "Young", "Wood", "Lake", "Ford"]
PLACES = [
    "Berlin",
    "Boston",
    "Rome",
    "Paris",
    "Oslo",
    "Lima",
    "Cairo",
    "Vienna",
    "New_York",
    "Los_Angeles",
    "Cape_Town",
]
TEMPLATES = [
    "{name} lives in {place} .",
    "{name} and {name} met at {number} in {place} .",
    "In {place} it rains .",
    "Is {name} here ?",
    "There are {number} books on the table .",
    "{place} is far from {place} .",
    "{name} bought {number} apples , said {name} .",
    "I will rose and hill by the lake .",
    "Call {number} or ask {name} .",
    "The young king went home .",
    "We left {place} {number} days ago .",
]


def made_sentences(count: int, seed: int) -> pd.DataFrame:
    """Sentences of templates, as words and tags."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        words, tags = [], []
        for word in draw.choice(TEMPLATES).split():
            kind = word.strip("{}") if word.startswith("{") else None
            if kind == "name":
                made = [draw.choice(NAMES)] + [draw.choice(FAMILIES)] * draw.randint(0, 1)
            elif kind == "place":
                made = draw.choice(PLACES).split("_")
            else:
                made = [str(draw.randint(2, 999))] if kind else [word]
            words += made
            inside = [f"I-{kind}"] * (len(made) - 1)
            tags += [f"B-{kind}", *inside] if kind else ["O"]
        rows.append((words, tags))
    return pd.DataFrame(rows, columns=["tokens", "tags"])


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--data", metavar="FILE", help="what to learn from; default: sentences made here")
    add("--test", metavar="FILE", help="what to score; default: a tenth of the other")
    add("--model", metavar="FOLDER", help="folder of a model; default: from scratch")
    options = options_of(parser, None, "20; over sentences made here 8")
    epochs = options.epochs or (20 if options.data else 8)
    if options.data:
        train, test = tables(options.data, options.test)
    else:
        train, test = made_sentences(1500, 0), made_sentences(200, 1)
    columns = {"text": "text"} if "text" in train.columns else {}

    tag = tt.TokenClassifier(options.model)
    tag.fit(train, epochs=epochs, minutes=options.minutes, **columns)
    print(f"rows: {tag.report_}")

    # How good it is, and what counting tags of words and a linear machine make of the same rows.
    scores = tag.evaluate(test)
    for name in ("majority", "linear"):
        print(f"{name:9}", *(f"{key} {value:.4f}" for key, value in scores[name].items()))
    keys = ("f1", "precision", "recall", "macro_f1")
    print(f"{'this':9}", *(f"{key} {scores[key]:.4f}" for key in keys))
    rows = test[tag.text_columns()[0]][:5]
    for row, found in zip(rows, tag(list(rows)), strict=True):
        print(" ", row if isinstance(row, str) else " ".join(row))
        for each in found:
            place = f"{each['start']}-{each['end']}"
            print(f"    {each['entity_group']:12} {each['score']:.2f}  {place:9} {each['word']}")

    # A folder to load again, and a SavedModel: strings in, entities and their places out.
    tag.save(options.directory / "tagger")
    print("exported:", tag.export(options.directory / "saved_model"))


if __name__ == "__main__":
    main()
