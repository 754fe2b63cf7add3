"""Learns to choose the answer to a question on a text, and looks at how well.

    python examples/choose.py             which order of words is a sentence, in about three minutes
    python examples/choose.py --train FILE [--test FILE] [--model FOLDER]

trains on a table (.parquet, or .tsv, .csv with choices parted by " | "; the first line names the
columns context, question, choices, answer), from scratch or from a model's folder.
"""

import random
from typing import Any

from shared import options_of, parser_of, tables

import tftransformer as tt


def table(file: str) -> Any:
    """Reads rows; choices may be parted by bars."""
    frame = tt.read_table(file)
    if isinstance(frame["choices"].iloc[0], str):
        frame["choices"] = frame["choices"].str.split(" | ", regex=False)
    return frame


def questions(corpus: Any, seed: int) -> list[tuple[str, str, list[str], int]]:
    """German sentences, their translations, and these in two other orders: rows to learn from."""
    draw = random.Random(seed)
    rows = []
    for text, context in zip(corpus["en"], corpus["de"], strict=True):
        words = text.split()
        choices = [text, *(" ".join(draw.sample(words, len(words))) for _ in range(2))]
        draw.shuffle(choices)
        rows.append((context, "What is this in English?", choices, choices.index(text)))
    return rows


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--train", metavar="FILE", help="table to learn from; default: the corpus of the package")
    add("--test", metavar="FILE", help="table to score; default: a tenth of the other")
    add("--model", metavar="FOLDER", help="folder of a model; default: from scratch")
    options = options_of(parser, 8, "8")
    train: Any
    test: Any
    if options.train:
        train, test = tables(options.train, options.test, table)
    else:
        corpus = tt.everyday_corpus()
        train = questions(corpus.train[:4000], 0)
        test = questions(corpus.test[:300], 1)

    choose = tt.MultipleChoice(options.model)
    choose.fit(train, epochs=options.epochs, minutes=options.minutes)
    print(f"rows: {choose.report_}")

    # How good it is, beside chance and a window that counts words.
    scores = choose.evaluate(test)
    for name in ("chance", "sliding_window"):
        print(f"{name:15} accuracy {scores[name]['accuracy']:.4f}")
    print(f"{'this':15} accuracy {scores['accuracy']:.4f}")
    rows = test[:5] if isinstance(test, list) else test[:5].to_numpy().tolist()
    for context, question, choices, _ in rows:
        found = choose(context, question, choices)
        print(f"  {context}  {question}  →  {found['choice']}  ({max(found['scores']):.2f})")

    # A folder to load again, and a SavedModel: strings in, choices and scores out.
    choose.save(options.directory / "multiple_choice")
    print("exported:", choose.export(options.directory / "saved_model"))


if __name__ == "__main__":
    main()
