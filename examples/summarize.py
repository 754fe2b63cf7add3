"""Learns which sentences of a text say what it is about, looks at how well, and serves it.

    python examples/summarize.py          finds, among what is and what was, what will be: in
                                          stories of everyday sentences, in about three minutes
    python examples/summarize.py --data FILE [--test FILE] [--model FOLDER] [--sentences 3]

trains on a table of texts and summaries that people wrote (.tsv, .tsv.gz, .csv, .parquet; the first
line names the columns). Cells may be lists: paragraphs of a text, or several summaries of it.
"""

import random
from typing import Any

import pandas as pd
from shared import options_of, parser_of, tables

import tftransformer as tt


def made_stories(corpus: Any, count: int, seed: int) -> pd.DataFrame:
    """Stories of five to eight sentences in any order; what they say of the future sums them up."""
    draw = random.Random(seed)
    will = corpus["en"][corpus["tense"] == "future"].tolist()
    others = corpus["en"][corpus["tense"] != "future"].tolist()
    rows = []
    for _ in range(count):
        summary = draw.sample(will, draw.randint(1, 2))
        story = [*summary, *draw.sample(others, draw.randint(4, 6))]
        draw.shuffle(story)
        rows.append((" ".join(story), " ".join(summary)))
    return pd.DataFrame(rows, columns=["text", "summary"])


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--data", metavar="FILE", help="table to learn from; default: stories made here")
    add("--test", metavar="FILE", help="table to score; default: a tenth of the other")
    add("--text", default="text", metavar="COLUMN", help="column of the texts (text)")
    add("--summary", default="summary", metavar="COLUMN", help="column of the summaries (summary)")
    add("--sentences", type=int, help="how many a summary has; default: as those of the data")
    add("--model", metavar="FOLDER", help="folder of a model; default: from scratch")
    options = options_of(parser, 8, "8")
    if options.data:
        train, test = tables(options.data, options.test)
        for part in (train, test):  # a line break ends a sentence
            paragraphs = [x if isinstance(x, str) else "\n".join(x) for x in part[options.text]]
            part[options.text] = paragraphs
    else:
        corpus = tt.everyday_corpus()
        train, test = made_stories(corpus.train, 1500, 0), made_stories(corpus.test, 200, 1)

    extract = tt.ExtractiveSummarizer(options.model, sentences=options.sentences)
    extract.fit(
        train,
        text=options.text,
        summary=options.summary,
        epochs=options.epochs,
        minutes=options.minutes,
    )
    print(f"rows: {extract.report_}")
    print(f"sentences of a summary, or their share: {options.sentences or extract.length_}")

    # How good it is, and what as many of the first sentences get.
    scores = extract.evaluate(test)
    for name, found in (("lead", scores["lead"]), ("this", scores)):
        keys = ("rouge1", "rouge2", "rougeL")
        print(f"{name:5}", *(f"{key} {100 * found[key]:.1f}" for key in keys))
    texts = test[options.text].tolist()[:3]
    for text, found in zip(texts, extract(texts), strict=True):
        print(f"  {text[:300]}{'…' if len(text) > 300 else ''}")
        for each in found["sentences"]:
            place = f"{each['start']}-{each['end']}"
            print(f"    {each['score']:.2f}  {place:9} {text[each['start'] : each['end']]}")

    # A folder to load again, and a SavedModel: strings in, summaries and their places out.
    extract.save(options.directory / "summarizer")
    print("exported:", extract.export(options.directory / "saved_model"))


if __name__ == "__main__":
    main()
