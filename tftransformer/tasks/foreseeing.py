"""How well a language model foresees texts, and how well counting does."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tftransformer.core import Ragged
from tftransformer.objectives.next_token import whole
from tftransformer.scores import perplexity_scores

IGNORED = -100
LOGITS = 2**25  # numbers that stand in memory at a time
ORDER = 6  # characters of which the last one is foreseen by counting
DISCOUNT = 0.75


def foreseeing_scores(
    task: Any, texts: Sequence[str], known: Sequence[str] | None
) -> dict[str, Any]:
    """Scores of a `TextGenerator`, and with training texts those of counting characters.

    Args:
        task: the generator, fitted.
        texts: what it is to foresee.
        known: texts to count in, or None.

    Returns:
        `rows`, what `perplexity_scores` says, `nats_per_character`, and perhaps `counting`.
    """
    tokenizer = task.fitted().tokenizers[0]
    ids = tokenizer.encode(texts).ids
    characters = sum(map(len, texts))
    if not characters:
        raise ValueError("there is no text to predict: all of them are empty.")
    rows = whole(ids, tokenizer)
    labels: list[np.ndarray] = []
    scores = perplexity_scores(
        _logits(task, rows, labels),
        _labels(labels),
        ignore=IGNORED,
        words=max(1, sum(len(text.split()) for text in texts)),
        characters=characters,
    )
    nats = scores["loss"] * scores["tokens"]
    found: dict[str, Any] = {"rows": len(texts), **scores, "nats_per_character": nats / characters}
    if known is not None:
        counted = CharacterCounts(known).nats(texts) / characters
        found["counting"] = {"nats_per_character": counted}
    return found


def _labels(seen: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The labels of each row of logits, which are known once these are."""
    while seen:
        yield seen.pop(0)


def _logits(task: Any, rows: Ragged, labels: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Logits of windows over rows; puts the labels of each into a list before.

    A window shares half of its tokens with the one before, which has foreseen what they hold.
    """
    length, model = task.data_.max_length, task.model_
    output, pad = task.data_.objective.output, task.data_.tokenizers[0].special_ids.get("pad", 0)
    step = max(1, length // 2)
    windows = []
    for row in rows.tolist():
        done = 0  # labels that are foreseen
        for begin in range(0, max(1, len(row) - 1), step):
            part = row[begin : begin + length + 1]
            if begin + len(part) - 1 > done:
                windows.append((part, done - begin))
                done = begin + len(part) - 1
    windows.sort(key=lambda window: len(window[0]))

    @tf.function(reduce_retracing=True)
    def run(ids: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        logits = model({"token_ids": ids, "padding_mask": mask}, training=False)
        return tf.cast(logits if output is None else logits[output], tf.float32)

    vocabulary = task.data_.tokenizers[0].vocab_size
    while windows:
        batch = windows[: max(1, LOGITS // (vocabulary * length))]
        del windows[: len(batch)]
        inputs = Ragged.from_rows([part[:-1] for part, _ in batch])
        width = int(inputs.lengths.max())
        ids = inputs.dense(np.arange(len(batch)), width, pad)
        mask = np.arange(width) < inputs.lengths[:, None]
        for found, (part, known) in zip(np.asarray(run(ids, mask)), batch, strict=True):
            own = np.array(part[1:], np.int32)
            own[:known] = IGNORED
            labels.append(own)
            yield found[: len(own)]


class CharacterCounts:
    """Characters by those before them: modified Kneser–Ney (Chen and Goodman 1998, §3.5).

    Args:
        texts: to count in.
        order: characters of which the last one is foreseen.

    Attributes:
        counts: for each length how often a string was seen; below `order`, how many different
            characters stood before it.
        discounts: for each length what is taken from counts of 0, 1, 2, and of 3 or more.
        totals: for each length the counts of all strings that begin so, together.
        held: what was taken from these, and is shared out as the shorter string foresees.
        characters: how many different ones there are, with one for all that were never seen.
    """

    def __init__(self, texts: Sequence[str], order: int = ORDER):
        self.order = order
        counts: list[Counter[str]] = [Counter() for _ in range(order + 1)]
        for text in texts:
            padded = "\0" * (order - 1) + text
            counts[order].update(padded[i : i + order] for i in range(len(text)))
        for n in range(order, 1, -1):  # how many different characters stand before
            counts[n - 1] = Counter(gram[1:] for gram in counts[n])
        self.counts = counts
        self.discounts = [_discounts(of_order) for of_order in counts]
        self.totals: list[dict[str, int]] = [defaultdict(int) for _ in range(order + 1)]
        self.held: list[dict[str, float]] = [defaultdict(float) for _ in range(order + 1)]
        for n in range(1, order + 1):
            for gram, count in counts[n].items():
                self.totals[n][gram[:-1]] += count
                self.held[n][gram[:-1]] += self.discounts[n][min(count, 3)]
        self.characters = len(counts[1]) + 1  # and all that was never seen

    def probability(self, gram: str) -> float:
        """That of the last character of a string behind the others, at most `order` − 1 of them."""
        found = 1 / self.characters
        for n in range(1, len(gram) + 1):
            part = gram[-n:]
            total = self.totals[n].get(part[:-1], 0)
            if not total:
                break
            count = self.counts[n].get(part, 0)
            kept = count - self.discounts[n][min(count, 3)]
            found = (kept + self.held[n][part[:-1]] * found) / total
        return found

    def nats(self, texts: Sequence[str]) -> float:
        """Minus the logarithm of the probability of texts."""
        nats = 0.0
        for text in texts:
            padded = "\0" * (self.order - 1) + text
            for i in range(len(text)):
                nats -= math.log(self.probability(padded[i : i + self.order]))
        return nats


def _discounts(counts: Counter[str]) -> tuple[float, ...]:
    """What is taken from counts of 0, 1, 2 and more (eq. 26); `DISCOUNT` where too few say it."""
    of_counts = Counter(counts.values())
    once, twice, thrice, four_times = (of_counts[count] for count in range(1, 5))
    if not once * twice * thrice * four_times:
        return 0.0, DISCOUNT, DISCOUNT, DISCOUNT
    share = once / (once + 2 * twice)
    return (
        0.0,
        1 - 2 * share * twice / once,
        2 - 3 * share * thrice / twice,
        3 - 4 * share * four_times / thrice,
    )
