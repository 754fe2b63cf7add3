"""Learns to find what belongs together, and looks at how well; or takes a folder as it is.

    python examples/embed.py              finds translations of German sentences, in two minutes
    python examples/embed.py --model FOLDER [--data FILE --text COLUMN --positive COLUMN]

A folder is one of the sentence-transformers library; with data it is trained further, without it
answers as it is. Data is a table (.tsv, .tsv.gz, .csv, .parquet; the first line names the columns)
of texts and others that belong to them.
"""

from shared import options_of, parser_of, tables

import tftransformer as tt


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--data", metavar="FILE", help="table of pairs; default: the corpus of the package")
    add("--text", default="en", metavar="COLUMN", help="column of the texts (en)")
    add("--positive", default="de", metavar="COLUMN", help="column of what belongs to them (de)")
    add("--model", metavar="FOLDER", help="folder of a model; default: from scratch")
    options = options_of(parser, 8, "8")
    if options.data:
        train, test = tables(options.data, most=500)
    else:
        corpus = tt.everyday_corpus()
        train, test = corpus.train[:6000], corpus.test[:300]

    embed = tt.TextEmbedder(options.model)
    names = {"text": options.text, "positive": options.positive}
    if options.data or not options.model:
        embed.fit(train, epochs=options.epochs, minutes=options.minutes, **names)
        print(f"rows: {embed.report_}")
    else:
        test = test.rename(columns={name: role for role, name in names.items()})

    # How often a text finds its own among all, and what counting parts of words finds.
    scores = embed.evaluate(test)
    for name, found in (("tfidf", scores["tfidf"]), ("this", scores)):
        print(f"{name:6}", *(f"{key} {found[key]:.4f}" for key in ("accuracy", "mrr")))
    texts, others = (test[name].tolist() for name in embed.data_.columns[:2])
    for text, found in zip(texts[:5], embed.search(texts[:5], others, top_k=1), strict=True):
        print(f"  {text}  →  {found[0]['text']}  ({found[0]['score']:.2f})")

    # A folder to load again, and a SavedModel: strings in, vectors out.
    embed.save(options.directory / "embedder")
    print("exported:", embed.export(options.directory / "saved_model"))


if __name__ == "__main__":
    main()
