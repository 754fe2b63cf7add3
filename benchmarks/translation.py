"""Trains a small translator from scratch on one corpus, and scores it.

    python benchmarks/translation.py benchmarks/multi30k/config.json --data FOLDER --seed 1 \\
        --directory runs/multi30k-1

The configuration names the tables in FOLDER and how BLEU tokenises (`none` where the texts are
tokens already), and sets the data, the model, its training and the search. What is to be chosen is
chosen on the validation set; the tests are translated once, at the end. Translations, scores with
their signatures and the history of training go beside the configuration, to folders of its name.

`teachers` are configurations of translators, in either direction, with the seeds of those that are
trained first: the training set is joined by what they make of it, each its target column of its
source column (data diversification, Nguyen et al. 2020). They stay in folders of `--teachers`,
where the runs of other seeds find them.

`--resume` goes on with a run that was interrupted.
"""

import argparse
import json
import pathlib

import keras
import pandas as pd

import tftransformer as tt
from tftransformer.core import replacing
from tftransformer.decoding import PowerLengthPenalty
from tftransformer.training import load_checkpoint


class Annealed(tt.Translator):
    """A translator whose learning rate falls to zero along a cosine, over all updates."""

    def make_optimizer(self, updates: int) -> keras.optimizers.Optimizer:
        schedule = tt.CosineSchedule(self.learning_rate, updates, self.warmup_steps)
        return keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, required=True, metavar="FOLDER")
    parser.add_argument("--directory", type=pathlib.Path, required=True, metavar="FOLDER")
    parser.add_argument("--teachers", type=pathlib.Path, metavar="FOLDER", help="of their runs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--precision", default="auto", help="of the matrix products in training")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    runs = options.teachers or options.directory / "teachers"
    config = json.loads(options.config.read_text())
    source, target = config["columns"]
    tables = {name: tt.read_table(options.data / file) for name, file in config["tables"].items()}
    made = [
        taught(options.config.parent / name, tables, runs, seed, options.precision)
        for name, seeds in config.get("teachers", {}).items()
        for seed in seeds
    ]
    if made:
        tables["train"] = pd.concat([tables["train"], *made]).drop_duplicates(ignore_index=True)
    translate = train(
        config, tables, options.directory, options.seed, options.precision, options.resume
    )

    def file(folder: str, name: str) -> pathlib.Path:
        path = options.config.parent / folder / name
        path.parent.mkdir(exist_ok=True)
        return path

    def pairs(name: str) -> tuple[list[str], list[str]]:
        return tables[name][source].tolist(), tables[name][target].tolist()

    run = f"{options.config.stem}.seed{options.seed}"
    file("logs", f"{run}.csv").write_text((options.directory / "history.csv").read_text())
    validated = {}
    for exponent in config["search"]["length_penalties"]:
        translate.set_params(strategy=search(config, exponent))
        scores = translate.evaluate(*pairs("validation"), config["tokenize"], baselines=False)
        validated[exponent] = scores["bleu"]
        print(f"validation, length penalty {exponent}: BLEU {validated[exponent]:.2f}", flush=True)
    translate.set_params(strategy=search(config, max(validated, key=validated.get)))
    results = {"search": repr(translate.strategy), "validation": validated}
    for test in config["tests"]:
        sources, references = pairs(test)
        translations = translate(sources)
        results[test] = tt.translation_scores(translations, references, config["tokenize"])
        text = "".join(f"{line}\n" for line in translations)
        file("hypotheses", f"{test}.seed{options.seed}.txt").write_text(text)
    print(json.dumps(results, indent=2))
    file("results", f"{run}.json").write_text(json.dumps(results, indent=2) + "\n")


def train(
    config: dict,
    tables: dict[str, pd.DataFrame],
    directory: pathlib.Path,
    seed: int,
    precision: str,
    resume: bool,
) -> tt.Translator:
    """Returns a translator with the average of its last epochs."""
    source, target = config["columns"]
    training = config["training"]
    translate = Annealed(
        config["model"],
        **config["data"],
        label_smoothing=training["label_smoothing"],
        learning_rate=training["peak"],
        warmup_steps=training["warmup_steps"],
        seed=seed,
    )
    print(directory, flush=True)
    translate.fit(
        tables["train"],
        source=source,
        target=target,
        validation=tables["validation"],
        epochs=training["epochs"],
        directory=directory,
        resume=resume,
        checkpointing=tt.Checkpointing(keep_last=training["average"]),
        precision=precision,
        verbose=2,
    )
    # Always the average, as it was measured with.
    load_checkpoint(translate.model_, directory, "average", training["average"])
    return translate


def taught(
    path: pathlib.Path,
    tables: dict[str, pd.DataFrame],
    runs: pathlib.Path,
    seed: int,
    precision: str,
) -> pd.DataFrame:
    """Returns the training set with a teacher's translations; what is there already is read."""
    config, directory = json.loads(path.read_text()), runs / f"{path.stem}.seed{seed}"
    file = directory / "translations.csv.gz"
    if not file.exists():
        translator = train(config, tables, directory, seed, precision, resume=True)
        translator.set_params(strategy=search(config, config["search"]["length_penalties"][0]))
        source, target = config["columns"]
        translations = translator(tables["train"][source].tolist())
        with replacing(file) as beside:
            tables["train"].assign(**{target: translations}).to_csv(beside, index=False)
    return tt.read_table(file)


def search(config: dict, exponent: float) -> tt.BeamSearch:
    """Returns the search of a configuration with a length penalty."""
    return tt.BeamSearch(config["search"]["beams"], PowerLengthPenalty(exponent))


if __name__ == "__main__":
    main()
