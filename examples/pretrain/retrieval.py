"""Whether an encoder finds the translation of a sentence, taught with pairs and without them.

    python examples/pretrain/retrieval.py --data train.tsv --validation val.tsv [--seeds 0 1 2]

A small XLM (Conneau and Lample 2019) with one vocabulary for two languages is trained twice, by the
same number of updates: it guesses masked tokens of single sentences; or half of what it reads are
sentences with their translations beside them, of which it guesses the masked tokens (translation
language model). The vector of a held-out sentence is the mean of its hidden states less that of its
language; found is the sentence of the other language with the highest cosine. Beside that, chance;
TF-IDF of parts of words, which languages share; and latent semantic indexing of the words of all
pairs (Dumais et al. 1997), which counts what stands in both sides of a pair. Accuracies go to
`log.jsonl`. A run that was stopped goes on with --directory FOLDER. Without --data: the embedded
corpus.
"""

import pathlib
from argparse import Namespace
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import pandas as pd
from language import Log, pair_options_of, spread, tables_of, trained

import tftransformer as tt
from tftransformer.objectives import Concatenated
from tftransformer.tasks.retrieval import retrieval_scores, tfidf_similarities

LAYERS, WIDTH, HEADS, DROPOUT = 2, 128, 4, 0.1
SIDES = "to", "from"
LENGTH, VOCABULARY, TOKENS, SHARE = 64, 2000, 512, 0.3
TOPICS = 256  # of latent semantic indexing
WAYS = {"masked tokens": False, "and pairs": True}


def main() -> None:
    options = pair_options_of(__doc__, 4000, "each encoder")
    languages = options.columns
    pairs, test = tables_of(options.data, options.validation)
    pairs, test = (table[languages].assign(both="-".join(languages)) for table in (pairs, test))
    sides = [test[name].tolist() for name in languages]
    log = Log(options.directory)
    log("pairs", train=len(pairs), test=len(test))
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    counted = {"chance": lambda: dict.fromkeys(SIDES, 1 / len(test))}
    counted["tf-idf"] = lambda: accuracies(tfidf_similarities(*sides), sides)
    counted["indexing"] = lambda: accuracies(indexed(pairs[languages], sides), sides)
    for name, find in counted.items():
        found[name].append(log.once(name, find))
    how = {"batch_tokens": TOKENS, "seed": 0}
    objective = partial(tt.TranslationLM, SHARE, alpha=1, languages=languages)
    learnt = {"tokenizer": tt.FillMask.learn_tokenizer, "vocab_size": VOCABULARY}
    single = tt.DataProcess(
        "text", "language", objective=objective(), max_length=LENGTH, **learnt, **how
    ).fit(singles(pairs, languages))
    paired = tt.DataProcess(
        *languages, "both", objective=objective(), tokenizer=single.tokenizers[0], **how
    ).fit(pairs)
    for seed in options.seeds:
        for way, takes_pairs in WAYS.items():
            what = f"{way}, seed {seed}"
            find = partial(
                encoded, single, paired, takes_pairs, pairs, test, seed, options, log.folder(what)
            )
            lines = log.once(what, find)
            for layer in range(LAYERS + 1):
                of_layer = {side: lines[f"{side}_{layer}"] for side in SIDES}
                found[f"{way}, layer {layer}"].append(of_layer)
    first, second = languages
    print(f"\naccuracy, %\t{first} to {second}\t{second} to {first}")
    for name, runs in found.items():
        print(name, *(spread([100 * run[side] for run in runs]) for side in SIDES), sep="\t")


def singles(pairs: Any, languages: Sequence[str]) -> Any:
    """The sentences of all pairs, each with its language."""
    tables = (pd.DataFrame({"text": pairs[name], "language": name}) for name in languages)
    return pd.concat(tables, ignore_index=True)


def encoded(
    single: tt.DataProcess,
    paired: tt.DataProcess,
    takes_pairs: bool,
    pairs: Any,
    test: Any,
    seed: int,
    options: Any,
    run: pathlib.Path,
) -> dict[str, float]:
    """Trains an encoder; its loss on single sentences, and what each of its layers finds."""
    keras.utils.set_random_seed(seed)
    tokenizer, languages = single.tokenizers[0], options.columns
    examples = [single.batches(singles(pairs, languages)).examples]
    if takes_pairs:
        examples.append(paired.batches(pairs).examples)
    train = tt.data.Batches(Concatenated(examples), TOKENS, seed=seed, objective=single.objective)
    held_out = single.batches(singles(test, languages), training=False)

    def make() -> tt.XLM:
        return tt.XLM(
            tokenizer.vocab_size,
            LAYERS,
            WIDTH,
            HEADS,
            languages=len(languages),
            num_positions=paired.max_length,
            dropout=DROPOUT,
            attention_dropout=0.0,
            pad_id=tokenizer.special_ids["pad"],
        )

    steps = Namespace(steps=options.steps, minutes=None)
    trainer, nats = trained(make, train, held_out, steps, run, peak=1e-3)
    each = [
        vectors(trainer.model, single, test[name].tolist(), number)
        for number, name in enumerate(languages)
    ]
    sides, found = [test[name].tolist() for name in languages], {"nats": nats}
    for layer, (first, second) in enumerate(zip(*each, strict=True)):
        scores = accuracies(first @ second.T, sides)
        found |= {f"{side}_{layer}": score for side, score in scores.items()}
    return found


def vectors(model: tt.XLM, data: tt.DataProcess, texts: list[str], language: int) -> list[Any]:
    """For each layer, the embeddings first, unit vectors of the texts: (texts, width)."""
    tokenizer, batches = data.tokenizers[0], []
    rows, _ = data.row_template(tokenizer.encode(texts).ids, None, tokenizer.special_ids)
    for start in range(0, len(texts), 256):
        chosen = np.arange(start, min(start + 256, len(texts)))
        width = int(rows.lengths_of(chosen).max())
        ids = rows.dense(chosen, width, tokenizer.special_ids["pad"])
        real = (np.arange(width) < rows.lengths_of(chosen)[:, None])[..., None]
        inputs = {"token_ids": ids, "padding_mask": real[..., 0]}
        hidden = model.details({**inputs, "language_ids": np.full_like(ids, language)})
        states = map(keras.ops.convert_to_numpy, hidden["hidden_states"])
        batches.append([(state * real).sum(1) / real.sum(1) for state in states])
    return [unit(of - of.mean(0)) for of in map(np.concatenate, zip(*batches, strict=True))]


def indexed(pairs: Any, sides: Sequence[list[str]]) -> np.ndarray:
    """Cosines of what latent semantic indexing makes of the words of either side."""
    from scipy.sparse import hstack
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = [TfidfVectorizer(sublinear_tf=True, min_df=2) for _ in sides]
    known = hstack(
        [count.fit_transform(pairs[name]) for count, name in zip(words, pairs, strict=True)]
    )
    topics = TruncatedSVD(min(TOPICS, known.shape[1] // 2), random_state=0).fit(known).components_
    parts = np.split(topics.T, [len(words[0].vocabulary_)])
    found = zip(words, sides, parts, strict=True)
    first, second = (unit(count.transform(texts) @ part) for count, texts, part in found)
    return first @ second.T


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of the length 1, and of 0 those that have none."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def accuracies(similarities: np.ndarray, sides: Sequence[list[str]]) -> dict[str, float]:
    """How often the most similar sentence is the right one, from the first side and to it."""
    return {
        "to": retrieval_scores(similarities, sides[1])["accuracy"],
        "from": retrieval_scores(similarities.T, sides[0])["accuracy"],
    }


if __name__ == "__main__":
    main()
