"""Trains a small translator from scratch on one corpus, and scores it.

    python benchmarks/translation.py benchmarks/multi30k/config.json --data FOLDER --seed 1 \\
        --directory runs/multi30k-1

The configuration names the tables in FOLDER and how BLEU tokenises (`none` where the texts are
tokens already), and sets the data, the model, its training and the search. What is to be chosen is
chosen on the validation set; the tests are translated once, at the end. Translations, scores with
their signatures and the history of training go beside the configuration, to folders of its name.
`--resume` goes on with a run that was interrupted.
"""

import argparse
import json
import pathlib

import keras
import pandas as pd

import tftransformer as tt
from tftransformer.decoding import PowerLengthPenalty


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True, metavar="FOLDER")
    parser.add_argument("--directory", type=pathlib.Path, required=True, metavar="FOLDER")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--precision", default="auto", help="of the matrix products in training")
    parser.add_argument("--minutes", type=float, help="stop training after so many")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    config = json.loads(options.config.read_text())

    def read(name: str) -> pd.DataFrame:
        return tt.read_table(options.data / config["tables"][name])

    frame, validation_frame = read("train"), read("validation")
    keras.utils.set_random_seed(options.seed)
    data = tt.DataProcess("en", "de", seed=options.seed, **config["data"]).fit(frame)
    train, validation = data.batches(frame), data.batches(validation_frame, training=False)
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

    def file(folder: str, name: str) -> pathlib.Path:
        path = options.config.parent / folder / name
        path.parent.mkdir(exist_ok=True)
        return path

    def score(translator: tt.Translator, frame: pd.DataFrame) -> tuple[list[str], dict]:
        translations = translator(frame["en"].tolist())
        references = frame["de"].tolist()
        return translations, tt.translation_scores(translations, references, config["tokenize"])

    run = f"{options.config.stem}.seed{options.seed}"
    history = (options.directory / "history.csv").read_text()
    file("logs", f"{run}.csv").write_text(history)
    search = config["search"]
    translators, validated = {}, {}
    for exponent in search["length_penalties"]:
        strategy = tt.BeamSearch(search["beams"], PowerLengthPenalty(exponent))
        translators[exponent] = tt.Translator(model, data, strategy)
        validated[exponent] = score(translators[exponent], validation_frame)[1]["bleu"]
        print(f"validation, length penalty {exponent}: BLEU {validated[exponent]:.2f}", flush=True)
    best = translators[max(validated, key=validated.get)]
    results = {"search": repr(best.strategy), "validation": validated}
    for test in config["tests"]:
        translations, results[test] = score(best, read(test))
        text = "".join(f"{line}\n" for line in translations)
        file("hypotheses", f"{test}.seed{options.seed}.txt").write_text(text)
    print(json.dumps(results, indent=2))
    file("results", f"{run}.json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
