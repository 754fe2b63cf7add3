"""Learns to guess hidden words, and looks at how well; or takes a folder as it is.

    python examples/fill.py               learns from everyday sentences, in about two minutes
    python examples/fill.py --model FOLDER          answers with a masked language model
    python examples/fill.py --data FILE --text COLUMN [--model FOLDER]

Data is a table (.tsv, .tsv.gz, .csv, .parquet; the first line names the columns).
"""

from shared import options_of, parser_of, tables

import tftransformer as tt


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--data", metavar="FILE", help="table of texts; default: the corpus of the package")
    add("--text", default="en", metavar="COLUMN", help="column of the texts (en)")
    add("--model", metavar="FOLDER", help="folder of a model; default: from scratch")
    options = options_of(parser, 6, "6")
    if options.data:
        train, test = tables(options.data, most=500)
    else:
        corpus = tt.everyday_corpus()
        train, test = corpus.train[:6000], corpus.test[:200]

    fill = tt.FillMask(options.model) if options.model else tt.FillMask(vocab_size=2000)
    if options.data or not options.model:
        fill.fit(train, text=options.text, epochs=options.epochs, minutes=options.minutes)
        print(f"rows: {fill.report_}")
        # How good it is, and what the most frequent token gets.
        scores = fill.evaluate(test)
        for name, found in (("unigram", scores["unigram"]), ("this", scores)):
            print(f"{name:8}", *(f"{key} {found[key]:.4f}" for key in ("accuracy", "perplexity")))

    # Words of some sentences, hidden.
    for text in test[options.text].tolist()[:5]:
        words = text.split()
        hidden = " ".join([*words[:1], fill.mask_token, *words[2:]])
        (guesses,) = fill(hidden, top_k=3)
        found = ", ".join(f"{guess['token_str']!r} ({guess['score']:.2f})" for guess in guesses)
        print(f"  {hidden}  →  {found}")

    # A folder to load again, and a SavedModel: strings in, tokens and scores out.
    fill.save(options.directory / "fill_mask")
    print("exported:", fill.export(options.directory / "saved_model"))


if __name__ == "__main__":
    main()
