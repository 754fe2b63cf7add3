"""Learns to tell labels of texts, looks at how well, and serves it.

    python examples/classify.py           tells the tense of sentences, in about two minutes
    python examples/classify.py --train FILE --text COLUMN --label COLUMN [--test FILE]

trains on a table (.tsv, .tsv.gz, .csv, .parquet; the first line names the columns).
"""

from shared import options_of, parser_of, tables

import tftransformer as tt


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--train", metavar="FILE", help="table to learn from; default: the corpus of the package")
    add("--test", metavar="FILE", help="table to score; default: a tenth of the other")
    add("--text", default="text", metavar="COLUMN", help="column of the texts (text)")
    add("--label", default="label", metavar="COLUMN", help="column of the labels (label)")
    options = options_of(parser, 20, "20")
    text, label, epochs, minutes = options.text, options.label, options.epochs, options.minutes
    if options.train:
        train, test = tables(options.train, options.test)
    else:
        corpus = tt.everyday_corpus()
        train, test, text, label, epochs = corpus.train[:6000], corpus.test, "en", "tense", 6

    classify = tt.TextClassifier()
    classify.fit(train, text=text, label=label, epochs=epochs, minutes=minutes)
    print(f"rows: {classify.report_}")

    # How good it is, and what counting words makes of the same rows.
    scores = classify.evaluate(test)
    for name in ("majority", "linear"):
        print(f"{name:9}", *(f"{key} {value:.4f}" for key, value in scores[name].items()))
    print(f"{'this':9}", *(f"{key} {scores[key]:.4f}" for key in ("accuracy", "macro_f1")))
    for sentence, answer in zip(test[text][:5], classify(list(test[text][:5])), strict=True):
        print(f"  {answer['label']}  ({answer['score']:.2f})  {sentence}")

    # A folder to load again, and a SavedModel: strings in, labels and scores out.
    classify.save(options.directory / "classifier")
    print("exported:", classify.export(options.directory / "saved_model"))


if __name__ == "__main__":
    main()
