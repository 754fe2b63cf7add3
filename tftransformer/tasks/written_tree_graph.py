"""WrittenTreeGraph: from sentences to trees that a model writes, symbol by symbol."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tftransformer.tasks.text_to_text_graph import TextToTextGraph
from tftransformer.tasks.tree_strings import one_blank_between_words
from tftransformer.tasks.writing import Written
from tftransformer.tasks.written_trees import Symbols, fewest


class WrittenTrees(NamedTuple):
    """Trees of a batch, best first.

    Attributes:
        trees: string (batch, n), "" where the strategy found fewer.
        scores: float32 (batch, n).
    """

    trees: tf.Tensor
    scores: tf.Tensor


class WrittenTreeGraph(TextToTextGraph):
    """From sentences, whose words white space parts, to trees (Vinyals et al. 2015).

    What is no tree over just the words of its sentence is banned at each step: see `Symbols.ban`.

    `serving_default` gives `trees`, string (batch,), in brackets; `scores`, float32 (batch,), what
    the strategy ranks by; and `cut`, bool (batch,): which sentences lost their ends before they
    were read. Of one with more words than there is room to write, the first ones make the tree.
    `n_best` gives the first two as (batch, n), best first.

    The arguments are those of `TextToTextGraph`.
    """

    growth = 4
    numbers = ("row_numbers", "words")
    advice = "raise the limit"

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.symbols = Symbols(self.target_tokenizer)

    def encode(self, texts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        texts = one_blank_between_words(texts)
        rows, known = super().encode(texts)
        words = tf.strings.split(texts)
        room = self.max_target_length - fewest(0)
        known["cut"] |= words.row_lengths() > room
        words = words[:, :room]
        rows["words"] = tf.cast(words.row_lengths(), tf.int32)
        return rows, {**known, "words": words}

    def lengths(self, texts: tf.Tensor) -> tf.Tensor:
        """How many tokens the sentences take: int64 (batch,)."""
        ids = self.source_tokenizer.tokenize(one_blank_between_words(texts))
        return ids.row_lengths() + len(self.before) + len(self.after)

    def steered(
        self, rows: dict[str, tf.Tensor], most: int, limits: tf.Tensor | None
    ) -> tuple[tuple[Callable, ...], tf.Tensor]:
        words = rows["words"]
        limits = tf.fill(tf.shape(words), most) if limits is None else limits
        limits = tf.clip_by_value(tf.maximum(limits, fewest(words)), 1, most)
        beams = self.generation.strategy.rows_per_prompt
        given = (tf.repeat(x, beams) for x in (words, limits))
        return (*self.processors, functools.partial(self.symbols.ban, *given)), limits

    def by_text(self, found: Any, known: Any) -> WrittenTrees:
        ids, words = found.ids, known["words"]
        count = tf.shape(ids)[1]
        each = tf.repeat(tf.range(tf.shape(ids)[0]), count)
        flat = tf.reshape(ids, [-1, tf.shape(ids)[2]])
        trees = self.symbols.trees(flat, tf.gather(words, each))
        there = tf.math.is_finite(found.scores) & ~known["is_empty"][:, None]
        trees = tf.where(there, tf.reshape(trees, tf.shape(found.scores)), "")
        return WrittenTrees(trees, tf.where(known["is_empty"][:, None], 0.0, found.scores))

    def written(self, decoded: Any) -> list[list[Written]]:
        return [
            [Written(t.decode(), float(s)) for t, s in zip(*row, strict=True) if np.isfinite(s)]
            for row in zip(decoded.trees, decoded.scores, strict=True)
        ]

    def answers(self, found: Any, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        n_best = self.by_text(found, known)._asdict()
        best = {name: value[:, 0] for name, value in n_best.items()}
        return {"serving_default": {**best, "cut": known["cut"]}, "n_best": n_best}
