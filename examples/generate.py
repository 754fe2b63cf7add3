"""Learns to write on behind a prompt, looks at how well, and serves it.

    python examples/generate.py           writes everyday sentences, in about six minutes
    python examples/generate.py --data FILE [--model FOLDER]

trains on a text file (.txt, .txt.gz, whose last tenth is held out) or a table with a column of
texts (.tsv, .tsv.gz, .csv, .jsonl, .parquet), from scratch or from a model's folder.
"""

import math

from shared import options_of, parser_of, tables, texts

import tftransformer as tt


def main() -> None:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--data", metavar="FILE", help="text or table to learn from; default: the package's corpus")
    add("--text", default="en", metavar="COLUMN", help="column of the texts of a table (en)")
    add("--prompt", action="append", help="what to write on behind; default: beginnings of texts")
    add("--model", metavar="FOLDER", help="folder of a model; default: from scratch")
    options = options_of(parser, 12, "12")
    if not options.data:
        corpus = tt.everyday_corpus()
        train, test = corpus.train[:6000], corpus.test[:300]
    elif options.data.endswith((".txt", ".txt.gz")):
        train, test = texts(options.data)
    else:
        train, test = tables(options.data, most=500)

    write = tt.TextGenerator(options.model, batch_tokens=1024)
    write.fit(train, text=options.text, epochs=options.epochs, minutes=options.minutes)
    print(f"rows: {write.report_}")

    # How well it foresees a character, and what counting those before it gets.
    scores = write.evaluate(test)
    for name, found in (("counting", scores["counting"]), ("this", scores)):
        nats = found["nats_per_character"]
        print(f"{name:8} nats {nats:.4f}  perplexity {math.exp(nats):.3f}  (of a character)")

    lines = test.splitlines() if isinstance(test, str) else test[options.text].tolist()
    lines = [line.split() for line in lines if len(line.split()) > 3][:5]
    prompts = options.prompt or [" ".join(words[: len(words) // 2]) for words in lines]
    for name, how in (("likeliest", {}), ("drawn", {"do_sample": True, "top_p": 0.9})):
        print(f"{name}:")
        for found in write(prompts, max_new_tokens=24, **how):
            print(f"  {found['prompt']} | {found['generated_text']!r}")

    # A folder to load again, and a SavedModel: prompts in, texts out.
    write.save(options.directory / "generator")
    print("exported:", write.export(options.directory / "saved_model", max_new_tokens=24))


if __name__ == "__main__":
    main()
