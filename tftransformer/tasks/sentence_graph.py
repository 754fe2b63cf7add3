"""SentenceGraph: from texts to the sentences that say what they are about."""

from typing import Any

import tensorflow as tf

from tftransformer.tasks.records import as_records, best_first, by_row
from tftransformer.tasks.window_graph import WindowGraph
from tftransformer.text import sentence_numbers, sentence_places, word_pieces


class SentenceGraph(WindowGraph):
    """From texts of any length to their likeliest sentences, in the order of the text.

    Sentences are what `sentence_places` finds; one is scored in the window that holds all of it and
    where it stands most central, and one that no window holds in the window of its first piece.

    `serving_default` gives `summaries`, string (batch,), the sentences with blanks between;
    `scores`, float32 (batch,), the mean of their probabilities; `sentences`, int32 (batch,), how
    many there are; `start` and `end`, int32, in characters, half open, and `sentence_scores`,
    float32, all (batch, sentences), padded; and `cut`, bool (batch,), which is False.

    Args:
        sentences: how many, or which share of the sentences of a text, one at least.
        **windows: see `WindowGraph`.
    """

    computes_alike = True

    def __init__(self, *, sentences: int | float, **windows: Any):
        super().__init__(**windows)
        self.sentences = sentences
        self.fills = {**self.fills, "sentence_numbers": 0}

    def grouped(self, text: tf.Tensor, places: dict[str, Any]) -> dict[str, Any]:
        starts, ends = sentence_places(text)
        words = sentence_numbers(starts, places["ends"])
        return {**places, "words": words, "sentence_starts": starts, "sentence_ends": ends}

    def encode(self, *texts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        rows, known = super().encode(*texts)
        rows["sentence_numbers"] = self.in_rows(known["pieces"], known["words"].flat_values + 1)
        return rows, known

    def compute(self, model: Any, rows: dict[str, tf.Tensor], fixed: bool) -> tf.Tensor:
        """Returns probabilities: float32 (windows, length, 2)."""
        return tf.nn.softmax(super().compute(model, rows, fixed))

    def by_text(self, found: tf.Tensor, known: Any) -> dict[str, tf.Tensor]:
        words = known["words"]
        first = word_pieces(words).first
        score = tf.gather(self.of_pieces(found, known)[:, 1], first)
        row, number = tf.gather(words.value_rowids(), first), tf.gather(words.flat_values, first)
        chosen = self._best(score, row, words.nrows())
        row, number, score = (tf.boolean_mask(x, chosen) for x in (row, number, score))
        starts, ends = known["sentence_starts"], known["sentence_ends"]
        at = tf.gather(starts.row_starts(), row) + tf.cast(number, tf.int64)
        start, end = tf.gather(starts.flat_values, at), tf.gather(ends.flat_values, at)
        texts = tf.gather(known["texts"], row)
        found = {
            "text": tf.strings.substr(texts, start, end - start, unit="UTF8_CHAR"),
            "start": start,
            "end": end,
            "sentence_scores": score,
        }
        ragged = by_row(found, row, words.nrows())
        texts = ragged.pop("text")
        count = texts.row_lengths()
        total = tf.reduce_sum(ragged["sentence_scores"], axis=1)
        return {
            "summaries": tf.strings.reduce_join(texts, axis=1, separator=" "),
            "scores": total / tf.cast(tf.maximum(count, 1), tf.float32),
            "sentences": tf.cast(count, tf.int32),
            **{name: value.to_tensor() for name, value in ragged.items()},
        }

    def _best(self, score: tf.Tensor, row: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Which sentences are chosen, bool (sentences,): of equal ones the earlier."""
        counts = tf.math.unsorted_segment_sum(tf.ones_like(row), row, rows)
        place = tf.cast(tf.math.invert_permutation(best_first(score, row)), tf.int64)
        rank = place - tf.gather(tf.cumsum(counts, exclusive=True), row)
        if isinstance(self.sentences, int):
            return rank < self.sentences
        share = tf.cast(tf.round(tf.cast(counts, tf.float32) * self.sentences), tf.int64)
        return rank < tf.gather(tf.maximum(share, 1), row)


def as_summaries(outputs: dict[str, Any]) -> list[dict[str, Any]]:
    """What `SentenceGraph` found in each text, as plain values."""
    columns = {name: outputs[name] for name in ("start", "end")}
    columns["score"] = outputs["sentence_scores"]
    sentences = as_records(columns, outputs["sentences"].tolist())
    summaries, scores = (outputs[name].tolist() for name in ("summaries", "scores"))
    return [
        {"summary_text": summary.decode(), "score": score, "sentences": own}
        for summary, score, own in zip(summaries, scores, sentences, strict=True)
    ]
