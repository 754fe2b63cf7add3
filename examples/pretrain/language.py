"""What the language models of this folder share: texts as ids, batches, counting, the log."""

import argparse
import contextlib
import json
import math
import pathlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

import tftransformer as tt
from tftransformer.core import Ragged
from tftransformer.tasks.foreseeing import CharacterCounts

sys.path.append(str(pathlib.Path(__file__).parents[1]))
import shared


def parsed(parser: argparse.ArgumentParser, seeds: Sequence[int]) -> Any:
    """Adds the options that all scripts have, and reads all.

    Args:
        parser: has those of the script.
        seeds: the default ones.
    """
    told = f"one run each ({' '.join(map(str, seeds))})"
    parser.add_argument("--seeds", type=int, nargs="+", default=list(seeds), help=told)
    return shared.parsed(parser)


def options_of(doc: str | None, minutes: float, steps: int = 2000) -> Any:
    """The options of the scripts that read a text."""
    parser = shared.parser_of(doc)
    add = parser.add_argument
    add("--data", metavar="FILE", help="text to learn from; default: what the package embeds")
    add("--validation", metavar="FILE", help="text to score; default: the last tenth of the data")
    add("--steps", type=int, default=steps, help=f"updates ({steps})")
    add("--minutes", type=float, default=minutes, help=f"stop each run after so many ({minutes:g})")
    return parsed(parser, seeds=[0])


def pair_options_of(
    doc: str | None, steps: int, whose: str, add_own: Callable[[Any], None] = lambda add: None
) -> Any:
    """The options of the scripts that read a table of sentences and their translations.

    Args:
        doc: what the script says of itself.
        steps: the default number of updates.
        whose: what the help calls those that make them.
        add_own: adds the options that are the script's own, by `add_argument`.
    """
    parser = shared.parser_of(doc)
    add = parser.add_argument
    add("--data", metavar="TABLE", help="of pairs; default: what the package embeds")
    add("--validation", metavar="TABLE", help="of pairs to score; default: a tenth of the data")
    add("--columns", nargs=2, default=["en", "de"], metavar="NAME", help="of both (en de)")
    add("--steps", type=int, default=steps, help=f"updates of {whose} ({steps})")
    add_own(add)
    return parsed(parser, seeds=[0])


def tables_of(train: str | None, held_out: str | None, size: int = 20_000) -> tuple[Any, Any]:
    """The rows to learn from and those to score.

    Args:
        train: path of a table; None: what the package embeds.
        held_out: path of another one; None: a tenth of the rows.
        size: rows of what the package embeds.
    """
    if train is None:
        corpus = tt.everyday_corpus(size)
        return corpus.train, corpus.validation
    return shared.tables(train, held_out)


def texts_of(options: Any) -> tuple[str, str]:
    """The text to learn from, and that to score."""
    if options.data is None:
        corpus = tt.everyday_corpus()
        return "\n".join(corpus.train["en"]), "\n".join(corpus.validation["en"])
    return shared.texts(options.data, options.validation)


def as_ids(*texts: Sequence[str]) -> tuple[int, list[np.ndarray]]:
    """Texts as ids of their characters or words, the most frequent of the first text from 1 on.

    What is not in the first text is `<unk>`.

    Returns:
        the size of the vocabulary, 0 being padding, and each text as int32 (tokens,).
    """
    kinds = [kind for kind, _ in Counter(texts[0]).most_common()]
    ids = {kind: i for i, kind in enumerate(kinds, 1)}
    unknown = ids.setdefault("<unk>", len(kinds) + 1)
    return len(ids) + 1, [np.array([ids.get(t, unknown) for t in text], np.int32) for text in texts]


def batches_of(
    ids: np.ndarray, length: int, rows: int, *, documents: str, training: bool, seed: int = 0
) -> Any:
    """Blocks of a text in batches: `"joined"` in any order, `"streams"` in that of the text."""
    objective = tt.NextToken(documents=documents)
    tokenizer = SimpleNamespace(special_ids={"pad": 0})
    columns = objective.blocks(Ragged(ids, np.array([0, len(ids)])), tokenizer, length)
    examples = objective.examples(columns, [tokenizer])
    kind = tt.data.Streams if objective.in_order else tt.data.Batches
    given = {"training": training, "seed": seed, "max_shapes": 1}
    return kind(examples, rows * length, objective=objective, **given)


def counted(train: np.ndarray, validation: np.ndarray, order: int) -> float:
    """Nats a token of modified Kneser-Ney over the tokens before."""
    as_text = ["".join(map(chr, ids.tolist())) for ids in (train, validation)]
    return CharacterCounts([as_text[0]], order).nats([as_text[1]]) / len(validation)


class Log:
    """Lines on the screen and in `log.jsonl` of a folder.

    Args:
        folder: is made if need be; what an earlier run has found is read there.
    """

    def __init__(self, folder: pathlib.Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.begun = folder / "log.jsonl", time.monotonic()
        lines = self.path.read_text("utf-8").splitlines() if self.path.is_file() else []
        self._found = {line.pop("what"): line for line in map(json.loads, lines)}

    def __call__(self, what: str, **found: Any) -> None:
        if "nats" in found:
            found["perplexity"] = math.exp(found["nats"])
        found["minutes"] = (time.monotonic() - self.begun) / 60
        told = {k: round(v, 4) if isinstance(v, float) else v for k, v in found.items()}
        print(f"{what:24}", *(f"{name} {value}" for name, value in told.items()), flush=True)
        self._found[what] = told
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"what": what, **told}) + "\n")

    def once(self, what: str, find: Callable[[], dict[str, float]]) -> dict[str, float]:
        """What an earlier run has found and logged, else what `find` does."""
        if what not in self._found:
            with self.part():
                self(what, **find())
        return self._found[what]

    def folder(self, what: str) -> pathlib.Path:
        """Where a run is kept that is called so."""
        return self.path.parent / what.replace(",", "").replace(" ", "_")

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """Counts minutes from its begin."""
        before, self.begun = self.begun, time.monotonic()
        yield
        self.begun = before


def spread(runs: Sequence[float]) -> str:
    """Mean of some runs, lowest and highest."""
    return f"{np.mean(runs):.1f} ({min(runs):.1f} – {max(runs):.1f})"


def trained(
    make: Callable[[], Any],
    train: Any,
    validation: Any,
    options: Any,
    directory: pathlib.Path,
    *,
    peak: float,
    carry: Any = None,
    weight_decay: float = 0.1,
) -> tuple[Any, Any]:
    """A model trained by AdamW under half a cosine wave; a run that was stopped goes on.

    Returns:
        its `Trainer`, with the best weights, and their loss on the validation data.
    """
    import keras

    schedule = tt.CosineSchedule(peak, options.steps, max(1, options.steps // 20), peak / 100)
    optimizer = keras.optimizers.AdamW(schedule, beta_2=0.99, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "embeddings"])
    trainer = tt.Trainer(
        make(),
        train,
        validation,
        optimizer=optimizer,
        epochs=10_000,
        steps=options.steps,
        minutes=options.minutes,
        clip_norm=1.0,
        carry=carry,
        directory=directory,
        resume=True,
        verbose=2,
    )
    trainer.train()
    trainer.load("best")
    return trainer, trainer.evaluate(validation)["loss"]


def learn_characters(
    name: str, make: Callable[[int], Any], options: Any, length: int, rows: int, *, peak: float
) -> None:
    """Counts the characters of a text, then trains a model of them for each seed.

    Args:
        name: of the model, in the log.
        make: makes it of the number of its ids.
        options: those of `options_of`.
        length: characters in a block.
        rows: blocks in a batch.
        peak: the highest learning rate.
    """
    import keras

    size, (train, validation) = as_ids(*texts_of(options))
    log = Log(options.directory)
    log("characters", train=len(train), validation=len(validation), kinds=size - 1)
    log("counting, order 7", nats=counted(train, validation, 7))
    held_out = batches_of(validation, length, 4096 // length, documents="joined", training=False)
    for seed in options.seeds:
        keras.utils.set_random_seed(seed)
        batches = batches_of(train, length, rows, documents="joined", training=True, seed=seed)
        with log.part():
            run = options.directory / f"seed_{seed}"
            trainer, nats = trained(lambda: make(size), batches, held_out, options, run, peak=peak)
            log(f"{name}, seed {seed}", nats=nats, weights=trainer.model.count_params())
