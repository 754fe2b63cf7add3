"""What denoising texts of both languages is worth to a translator, by the number of pairs.

    python examples/pretrain/denoising.py --data train.tsv --validation val.tsv \
        [--more en.txt de.txt] [--rows 1000 4000] [--seeds 0 1 2]

One small encoder-decoder with one vocabulary for both languages learns to translate in two ways:
from scratch; and after it has written texts of either language of which spans were hidden (BART,
Lewis et al. 2020; of several languages: mBART, Liu et al. 2020). It is not told which language a
text is of, nor which texts belong together. Texts are both sides of all pairs, and the lines of
`--more`. Beside them what the most similar source of the same pairs has as its translation. BLEU
and chrF of each go to `log.jsonl`. A run that was stopped goes on with --directory FOLDER. Without
--data: pairs of the embedded corpus.
"""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import pandas as pd
from language import Log, pair_options_of, shared, spread, tables_of, trained

import tftransformer as tt
from tftransformer.scores.translation import translation_scores

SIZES = {"num_layers": 2, "d_model": 128, "num_heads": 4, "dff": 512, "norm": "pre"}
LENGTH, VOCABULARY, TOKENS = 64, 3000, 512
HELD_OUT = 500  # texts by which the best denoiser is chosen
WAYS = ("nearest", "scratch", "denoised")


def main() -> None:
    whose = "each translator, a tenth of whose pairs choose the best epoch"
    options = pair_options_of(__doc__, 1500, whose, own_options)
    pairs, test = tables_of(options.data, options.validation)
    pairs, test = pairs[options.columns], test[options.columns]
    texts = pd.DataFrame({"text": [text for name in pairs for text in pairs[name]]})
    how = {"max_length": LENGTH, "batch_tokens": TOKENS}
    objective = tt.Denoising(permute=False)
    read = tt.DataProcess("text", objective=objective, vocab_size=VOCABULARY, **how).fit(texts)
    more = [line for path in options.more for line in shared.text_of(path).splitlines()]
    texts = pd.concat([texts, pd.DataFrame({"text": more})], ignore_index=True)
    log = Log(options.directory)
    log("texts", pairs=len(pairs), test=len(test), texts=len(texts))
    found: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
    counts = sorted({min(count, len(pairs)) for count in options.rows} | {len(pairs)})
    for seed in options.seeds:
        denoiser = denoised(read, texts, seed, options, log)
        order = np.random.default_rng(seed).permutation(len(pairs))
        for count in counts:
            rows = pairs.iloc[order[:count]]
            for way in WAYS:
                what = f"{way}, {count} pairs, seed {seed}"
                run = log.folder(what)
                first = denoiser if way == "denoised" else None
                data = tt.DataProcess(*pairs, tokenizer=read.tokenizers[0], seed=seed, **how)
                find: Callable[[], dict[str, float]] = (
                    partial(nearest, rows, test)
                    if way == "nearest"
                    else partial(translated, data, rows, test, first, seed, run, options.steps)
                )
                found[way, count].append(log.once(what, find))
    for score in ("bleu", "chrf"):
        print(f"\n{score} with pairs", *(f"{count:,}" for count in counts), sep="\t")
        for way in WAYS:
            runs = [[one[score] for one in found[way, count]] for count in counts]
            print(way, *map(spread, runs), sep="\t")


def own_options(add: Callable[..., Any]) -> None:
    add("--rows", type=int, nargs="+", default=[1000, 4000], help="pairs, beside all (1000 4000)")
    add("--denoise", type=int, default=3000, help="updates of denoising (3000)")
    add("--more", nargs="+", default=[], metavar="FILE", help="texts to denoise, one in a line")


def new_model(tokenizer: Any) -> tt.Transformer:
    """A translator that has learnt nothing."""
    pad = tokenizer.special_ids["pad"]
    return tt.Transformer(**SIZES, vocab_size=tokenizer.vocab_size, pad_id=pad)


def denoised(read: tt.DataProcess, texts: Any, seed: int, options: Any, log: Log) -> Any:
    """A model that has learnt to write texts as they were."""
    keras.utils.set_random_seed(seed)
    train, held_out = read.train_test_split(texts, HELD_OUT if len(texts) > 10 * HELD_OUT else 0.1)
    batches = read.batches(train), read.batches(held_out, training=False)
    steps = Namespace(steps=options.denoise, minutes=None)
    make = partial(new_model, read.tokenizers[0])
    with log.part():
        what = f"denoiser, seed {seed}"
        trainer, loss = trained(make, *batches, steps, log.folder(what), peak=2e-3)
        log(what, loss=loss, weights=trainer.model.count_params())
    return trainer.model


def nearest(rows: Any, test: Any) -> dict[str, float]:
    """Scores of the translations that the most similar sources have."""
    source, target = rows
    answers = tt.data.nearest_neighbour(rows, test[source].tolist(), source, target)
    return scores_of(translation_scores(answers, test[target].tolist()))


def translated(
    data: tt.DataProcess, rows: Any, test: Any, first: Any, seed: int, run: Any, steps: int
) -> dict[str, float]:
    """Scores of a translator, from scratch or of a model that has learnt something `first`."""

    def make() -> tt.Transformer:
        model = new_model(data.source_tokenizer)
        if first is not None:
            model.set_weights(first.get_weights())
        return model

    keras.utils.set_random_seed(seed)
    train, held_out = data.prepare(rows)
    trainer, loss = trained(
        make, train, held_out, Namespace(steps=steps, minutes=None), run, peak=2e-3
    )
    translate = tt.Translator(trainer.model, data, tt.Greedy(), max_length=LENGTH, batch_size=128)
    return {**scores_of(translate.evaluate(test, baselines=False)), "loss": loss}


def scores_of(scores: dict[str, float]) -> dict[str, float]:
    """What is logged of translations."""
    return {name: scores[name] for name in ("bleu", "chrf")}


if __name__ == "__main__":
    main()
