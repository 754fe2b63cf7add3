"""Learns to answer questions with words of a context, looks at how well, and serves it.

    python examples/answer.py              answers questions on stories that are made of templates,
                                           in about four minutes. It learns which words can answer a
                                           question, and hardly which of the story's three: a third
    python examples/answer.py --data FILE [--test FILE] [--model FOLDER]

trains on SQuAD's json (1.1 or 2.0), or on lines of json with question, context and answers.
"""

import json
import random

import pandas as pd
from shared import options_of, parser_of, tables, text_of

import tftransformer as tt

PEOPLE = [
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
PLACES = ["Berlin", "Boston", "Rome", "Paris", "Oslo", "Lima", "Cairo", "Vienna", "Bern", "Turin"]
THINGS = [
    "a book",
    "two apples",
    "an old car",
    "a red hat",
    "some bread",
    "a map",
    "three pens",
    "a clock",
]
DEEDS = {"bought": "buy", "lost": "lose", "found": "find", "sold": "sell"}


def made_questions(count: int, seed: int) -> pd.DataFrame:
    """Questions on stories of templates."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        people, places = draw.sample(PEOPLE, 3), draw.sample(PLACES, 3)
        things, deeds = draw.sample(THINGS, 3), draw.sample([*DEEDS], 3)
        parts = [
            f"{who} {deed} {what} in {where}."
            for who, deed, what, where in zip(people, deeds, things, places, strict=True)
        ]
        i = draw.randrange(3)
        question, answer = draw.choice([
            (f"Who {deeds[i]} {things[i]}?", people[i]),
            (f"What did {people[i]} {DEEDS[deeds[i]]}?", things[i]),
            (f"Where was {people[i]}?", places[i]),
        ])  # fmt: skip
        context = " ".join(parts)
        start = context.index(parts[i]) + parts[i].index(answer)
        rows.append((question, context, [{"text": answer, "answer_start": start}]))
    return pd.DataFrame(rows, columns=["question", "context", "answers"])


def read(path: str) -> pd.DataFrame:
    """A table of questions, contexts and answers."""
    if ".jsonl" in path:
        return tt.read_table(path)
    return tt.tasks.squad_table(json.loads(text_of(path)))


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--data", metavar="FILE", help="what to learn from; default: stories made here")
    add("--test", metavar="FILE", help="what to score; default: a tenth of the other")
    add("--model", metavar="FOLDER", help="folder of a model; default: from scratch")
    options = options_of(parser, 10, "10")
    if options.data:
        train, test = tables(options.data, options.test, read)
    else:
        train, test = made_questions(3000, 0), made_questions(200, 1)

    answer = tt.QuestionAnswerer(options.model)
    answer.fit(train, answer="answers", epochs=options.epochs, minutes=options.minutes)
    print(f"rows: {answer.report_}")

    # How good it is, and what counting the words of the question makes of the same rows.
    scores = answer.evaluate(test)
    window = scores["sliding_window"]
    print(f"sliding window  f1 {window['f1']:.1f}  exact {window['exact']:.1f}")
    print(f"this            f1 {scores['f1']:.1f}  exact {scores['exact']:.1f}")
    rows = list(zip(test["question"][:5], test["context"][:5], strict=True))
    for (question, _), found in zip(rows, answer(rows), strict=True):
        print(f"  {question}  ->  {found['answer']}  ({found['score']:.2f})")

    # A folder to load again, and a SavedModel: strings in, answers and their places out.
    answer.save(options.directory / "answerer")
    print("exported:", answer.export(options.directory / "saved_model"))


if __name__ == "__main__":
    main()
