"""Trains a small Transformer on Multi30k from English to German, and scores it.

    python benchmarks/multi30k/run.py --data FOLDER --seed 1 --directory runs/multi30k-1

FOLDER holds `train`, `val`, `test_2016_flickr` and `test_2017_flickr`, each as
`.lc.norm.tok.tsv.gz` (lower-cased, normalised, tokenised: what the literature scores with BLEU on
the tokens as they are) and as `.tsv.gz` (raw text: `--cased`, scored by sacrebleu's own
tokenisation). What is chosen is chosen on the validation set; the tests are translated once, at the
end. `--resume` goes on with a run that was interrupted.
"""

import argparse
import json
import pathlib

import keras

import tftransformer as tt
from tftransformer.decoding import PowerLengthPenalty

HERE = pathlib.Path(__file__).parent
TESTS = ("test_2016_flickr", "test_2017_flickr")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, required=True, metavar="FOLDER")
    parser.add_argument("--directory", type=pathlib.Path, required=True, metavar="FOLDER")
    parser.add_argument("--config", type=pathlib.Path, default=HERE / "config.json", metavar="FILE")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cased", action="store_true", help="raw text instead of tokens")
    parser.add_argument("--precision", default="auto", help="of the matrix products in training")
    parser.add_argument("--minutes", type=float, help="stop training after so many")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    config = json.loads(options.config.read_text())
    ending, tokenize = (".tsv.gz", "13a") if options.cased else (".lc.norm.tok.tsv.gz", "none")
    tables = {
        split: tt.read_table(options.data / f"{split}{ending}")
        for split in ("train", "val", *TESTS)
    }

    keras.utils.set_random_seed(options.seed)
    data = tt.DataProcess("en", "de", seed=options.seed, **config["data"]).fit(tables["train"])
    train, validation = data.batches(tables["train"]), data.batches(tables["val"], training=False)
    model = tt.Transformer(vocab_size=data.source_tokenizer.vocab_size, **config["model"])
    print(f"{train}\n{model.count_params():,} weights", flush=True)
    training = config["training"]
    schedule = tt.CosineSchedule(
        training["peak"], training["epochs"] * len(train), training["warmup_steps"]
    )
    trainer = tt.Trainer(
        model,
        train,
        validation,
        loss=tt.LabelSmoothedCrossEntropy(training["label_smoothing"]),
        optimizer=keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9),
        epochs=training["epochs"],
        minutes=options.minutes,
        directory=options.directory,
        resume=options.resume,
        r_drop=training["r_drop"],
        checkpointing=tt.Checkpointing(keep_last=training["average"]),
        precision=options.precision,
        verbose=2,
    )
    trainer.train()
    trainer.load("average", last=training["average"])

    strategy, found = choose(model, data, tables["val"], config["search"], tokenize)
    results = {"search": repr(strategy), "validation": found}
    hypotheses = HERE / "hypotheses"
    hypotheses.mkdir(exist_ok=True)
    for test in TESTS:
        translations = tt.Translator(model, data, strategy)(tables[test]["en"].tolist())
        results[test] = tt.translation_scores(translations, tables[test]["de"].tolist(), tokenize)
        name = f"{test}{'.cased' if options.cased else ''}.seed{options.seed}.txt"
        (hypotheses / name).write_text("".join(f"{line}\n" for line in translations))
    (options.directory / "results.json").write_text(json.dumps(results, indent=2))
    print(json.dumps(results, indent=2))


def choose(model, data, frame, search, tokenize):
    """The beam search that scores best on the validation set, and the scores of all."""
    sources, references = frame["en"].tolist(), frame["de"].tolist()
    scores = {}
    for beams in search["beams"]:
        for exponent in search["length_penalties"]:
            strategy = tt.BeamSearch(beams, PowerLengthPenalty(exponent))
            translations = tt.Translator(model, data, strategy)(sources)
            bleu = tt.translation_scores(translations, references, tokenize)["bleu"]
            scores[strategy] = bleu
            print(f"validation, {strategy!r}: BLEU {bleu:.2f}", flush=True)
    best = max(scores, key=scores.get)
    return best, {repr(strategy): bleu for strategy, bleu in scores.items()}


if __name__ == "__main__":
    main()
