"""EntityGraph: from texts to entities and their places."""

from collections.abc import Collection, Sequence
from typing import Any

import tensorflow as tf

from tftransformer.core import check_choice, require
from tftransformer.core.tags import tag_parts
from tftransformer.tasks.best_paths import IMPOSSIBLE, best_paths, by_step
from tftransformer.tasks.records import as_records, by_row
from tftransformer.tasks.window_graph import WindowGraph
from tftransformer.text import without_white_ends, word_pieces

AGGREGATIONS = ("none", "simple", "first", "average", "max")
OF_PIECES = AGGREGATIONS[:2]
# What the words beside it say of a word's label weighs less than the word: the model has read them,
# too. Entity F1 from scratch with 0, 0.5 and 1: wnut17 22.7, 23.3, 21.1; germeval2014 52.7, 57.2,
# 49.3; legal_ner_de 50.2, 68.6, 70.4.
WEIGHT = 0.5


def check_entities(aggregation: str, ignored: Collection[str]) -> None:
    """Raises a ValueError unless it is known how entities are made, and what is none."""
    check_choice(AGGREGATIONS, aggregation=aggregation)
    several = isinstance(ignored, Collection) and not isinstance(ignored, str)
    require(several, "ignore_labels", ignored, "labels in a list")


class EntityGraph(WindowGraph):
    """From texts of any length to entities.

    Units are pieces ("none", "simple"), or words with the probabilities of their first piece
    ("first"), the mean over their pieces ("average"), or those of the piece with the highest
    probability ("max"). With "none" each unit is an entity. Otherwise a unit continues the entity
    of the previous unit if both have the same type, its own prefix is I or E (a label without a
    prefix counts as I) and the previous one has B or I. The score is the mean over the units.

    Each unit gets its most probable label; with `neighbours`, the words of a text get the jointly
    most probable labels (Viterbi 1967).

    `serving_default` returns the entities of each text, in order: `entity_group` and `word`, string
    (batch, entities), `score`, float32, `start` and `end`, int32, in characters, half open; and
    `entities`, int32 (batch,), how many there are; the rest is padding. `cut`, bool (batch,), tells
    which texts were truncated, which happens only without windows.

    Args:
        labels: names of the labels, in the order of the logits.
        prefixed: whether labels begin with a prefix of B, I, E, S.
        aggregation: one of the `AGGREGATIONS`.
        ignored: types, or labels with "none", that do not count as entities.
        neighbours: how much likelier each label is after another one than anywhere, logarithms
            (labels + 1, labels), the last row for labels that begin a text; None: unknown.
        **windows: see `WindowGraph`.
    """

    computes_alike = True

    def __init__(
        self,
        *,
        labels: Sequence[str],
        prefixed: bool,
        aggregation: str,
        ignored: Collection[str],
        neighbours: Sequence[Sequence[float]] | None = None,
        **windows: Any,
    ):
        super().__init__(**windows)
        check_entities(aggregation, ignored)
        self.neighbours = None if aggregation in OF_PIECES else neighbours
        self.aggregation = aggregation
        parts = [tag_parts(label, prefixed) for label in labels]
        self.goes_on = [prefix in "IE" for prefix, _ in parts]
        self.may_go_on = [prefix in "BI" for prefix, _ in parts]
        self.labels = list(labels) if aggregation == "none" else [kind for _, kind in parts]
        self.kinds = [self.labels.index(label) for label in self.labels]
        self.is_entity = [label not in ignored for label in self.labels]

    def compute(self, model: Any, rows: dict[str, tf.Tensor], fixed: bool) -> tf.Tensor:
        """Returns probabilities: float32 (windows, length, labels)."""
        return tf.nn.softmax(super().compute(model, rows, fixed))

    def by_text(self, found: tf.Tensor, known: Any) -> dict[str, tf.Tensor]:
        probabilities = self.of_pieces(found, known)
        return self._entities(self._units(probabilities, known), known)

    def _units(self, probabilities: tf.Tensor, known: Any) -> tuple[tf.Tensor, ...]:
        """Label, score, text, start and end of each unit, and its piece: all (units,)."""
        words, starts, ends = known["words"], known["starts"], known["ends"]
        row, starts, ends = words.value_rowids(), starts.flat_values, ends.flat_values
        piece = tf.range(tf.size(row, tf.int64))
        if self.aggregation not in OF_PIECES:
            word, first, last = word_pieces(words)
            count = tf.size(first, tf.int64)
            if self.aggregation == "average":
                sums = tf.math.unsorted_segment_sum(probabilities, word, count)
                probabilities = sums / tf.cast(last - first, tf.float32)[:, None]
            elif self.aggregation == "max":
                high = tf.reduce_max(probabilities, axis=1)
                highest = tf.math.unsorted_segment_max(high, word, count)
                is_it = high == tf.gather(highest, word)
                chosen = tf.where(is_it, piece, tf.size(row, tf.int64))
                chosen = tf.math.unsorted_segment_min(chosen, word, count)
                probabilities = tf.gather(probabilities, chosen)
            else:
                probabilities = tf.gather(probabilities, first)
            row, starts = tf.gather(row, first), tf.gather(starts, first)
            ends, piece = tf.gather(ends, last - 1), first
        if self.neighbours is None:
            label = tf.argmax(probabilities, axis=1)
        else:
            scores = tf.RaggedTensor.from_value_rowids(
                tf.math.log(probabilities + 1e-9), row, words.nrows(), validate=False
            )
            label = best_labels(scores, WEIGHT * tf.constant(self.neighbours))
        score = tf.gather(probabilities, label, batch_dims=1)
        return label, score, row, starts, ends, piece

    def _entities(self, units: tuple[tf.Tensor, ...], known: Any) -> dict[str, tf.Tensor]:
        """Entities as rows of equal length, with their number."""
        label, score, row, start, end, piece = units
        kind = tf.gather(tf.constant(self.kinds, tf.int64), label)
        goes_on = tf.gather(tf.constant(self.goes_on), label)
        before = tf.gather(tf.constant(self.may_go_on), label)
        goes_on = goes_on[1:] & before[:-1] & (kind[1:] == kind[:-1]) & (row[1:] == row[:-1])
        begins = tf.concat([tf.ones_like(label[:1], tf.bool), ~goes_on], axis=0)
        if self.aggregation == "none":
            begins = tf.ones_like(begins)
        entity = tf.cumsum(tf.cast(begins, tf.int64)) - 1
        first = tf.where(begins)[:, 0]
        last = tf.concat([first, tf.size(label, tf.int64)[None]], axis=0)[1:] - 1
        score = tf.math.unsorted_segment_mean(score, entity, tf.size(first, tf.int64))
        kind, row, start, end = (
            tf.gather(value, at)
            for value, at in ((kind, first), (row, first), (start, first), (end, last))
        )
        texts = known["texts"]
        # Pieces of bytes may hold blanks, which are no part of an entity.
        start, end = without_white_ends(texts, row, start, end)
        kept = tf.gather(tf.constant(self.is_entity), kind) & (start < end)
        kind, row, start, end, score, first = (
            tf.boolean_mask(value, kept) for value in (kind, row, start, end, score, first)
        )
        words = tf.strings.substr(tf.gather(texts, row), start, end - start, unit="UTF8_CHAR")
        found = {
            "entity_group": tf.gather(tf.constant(self.labels), kind),
            "score": score,
            "word": words,
            "start": start,
            "end": end,
        }
        if self.aggregation == "none":
            found |= self._pieces(tf.gather(piece, first), row, known)
        ragged = by_row(found, row, tf.size(texts, tf.int64))
        dense = {name: value.to_tensor() for name, value in ragged.items()}
        return {**dense, "entities": tf.cast(ragged["score"].row_lengths(), tf.int32)}

    def _pieces(self, piece: tf.Tensor, row: tf.Tensor, known: Any) -> dict[str, tf.Tensor]:
        """The id of each piece, and its place in the row that one window would make."""
        before = self.template.num_before("a", pair=False)
        index = piece - tf.gather(known["ids"].row_starts(), row) + before
        ids = tf.gather(known["ids"].flat_values, piece)
        return {"id": ids, "index": tf.cast(index, tf.int32)}


def best_labels(scores: tf.RaggedTensor, pairs: tf.Tensor) -> tf.Tensor:
    """The labels of each row whose scores, and those of neighbours, have the highest sum.

    Args:
        scores: float32 (rows, None, labels).
        pairs: of a label behind another one, float32 (labels + 1, labels), the last row of first
            labels.

    Returns:
        int32 tensor (values,), of all rows behind each other.
    """
    count, lengths = pairs.shape[1], scores.row_lengths()
    own = by_step(scores.flat_values, lengths)
    # The last state is that of a text that has not begun.
    own = tf.pad(own, [[0, 0], [0, 0], [0, 1]], constant_values=IMPOSSIBLE)
    pairs = tf.pad(pairs, [[0, 0], [0, 1]], constant_values=IMPOSSIBLE)
    there = tf.sequence_mask(lengths, tf.shape(own)[0])
    start = tf.one_hot(tf.fill([tf.shape(own)[1]], count), count + 1, 0.0, IMPOSSIBLE)
    found, _ = best_paths(lambda step: own[step][:, None] + pairs, tf.transpose(there), start)
    return tf.boolean_mask(found, there)


def as_entities(outputs: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """What `EntityGraph` found in each text, as plain values."""
    outputs = dict(outputs)
    counts = outputs.pop("entities").tolist()
    return as_records(outputs, counts)
