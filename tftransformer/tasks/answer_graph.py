"""AnswerGraph: from a question and its context to spans of the context."""

from typing import Any

import tensorflow as tf

from tftransformer.core import check_ints
from tftransformer.objectives.answers import context_is_first, mark_of
from tftransformer.tasks.records import as_records, best_first, by_row
from tftransformer.tasks.row_graph import RowGraph
from tftransformer.text import check_stride, lay_windows, without_white_ends, word_pieces


class AnswerGraph(RowGraph):
    """From questions and contexts of any length to the likeliest spans of the contexts.

    The context is read in windows, each beside the whole question. Candidates lie within the
    context part of a single window, and have at most `max_answer_length` pieces. Their logit is the
    sum of those of start and end; the score is the product of two probabilities, each a softmax
    over the pieces of all windows and their tokens for no answer. A span is trimmed of white space;
    equal spans are merged, with the best score. The logit of no answer is the smallest of all
    windows.

    `serving_default` returns, best first, `answer`, string (batch, answers), `score` and `logit`,
    float32, `start` and `end`, int32, in characters, half open; `answers`, int32 (batch,), how many
    there are; `no_answer_score` and `no_answer_logit`, float32 (batch,); and `cut`, bool (batch,),
    which questions were too long and were truncated.

    Args:
        stride: pieces of a context that neighbouring windows share.
        top_k: largest number of answers.
        max_answer_length: largest number of pieces in an answer.
        align_to_words: whether answers are widened to whole words.
        may_be_none: whether "" is a possible answer.
        threshold: by how much its logit must exceed that of the best span.
        **row: see `RowGraph`; `max_length` is that of a window.
    """

    computes_alike = True
    advice = "raise max_length: beside a question there must be room for more than stride pieces"

    def __init__(
        self,
        *,
        stride: int,
        top_k: int,
        max_answer_length: int,
        align_to_words: bool,
        may_be_none: bool,
        threshold: float,
        **row: Any,
    ):
        super().__init__(texts=["questions", "contexts"], **row)
        check_ints(1, top_k=top_k, max_answer_length=max_answer_length)
        check_stride(self.room, stride)
        self.stride, self.top_k, self.max_answer_length = stride, top_k, max_answer_length
        self.align_to_words, self.may_be_none = align_to_words, may_be_none
        self.threshold = threshold
        self.context_first, self.mark = context_is_first(self.template), mark_of(self.template)

    def lengths(self, *texts: tf.Tensor) -> tf.Tensor:
        """How many tokens a row takes at least: the question, and a context that gets on."""
        (questions,) = self.ids(texts[0])
        return questions.row_lengths() + (self.max_length - self.room + self.stride + 1)

    def encode(self, *texts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        questions, contexts = texts
        (asked,) = self.ids(questions)
        most = self.room - self.stride - 1
        cut = asked.row_lengths() > most
        asked = asked[:, :most]
        places = self.tokenizer.tokenize_with_places(contexts)
        windows = lay_windows(
            places["ids"].row_lengths(), self.room - asked.row_lengths(), self.stride
        )
        at = tf.gather(places["ids"].row_starts(), windows.rows) + windows.starts
        at = tf.ragged.range(at, at + windows.lengths)
        pieces = at.with_flat_values(tf.gather(places["ids"].flat_values, at.flat_values))
        rows, names = [tf.gather(asked, windows.rows), pieces], "ab"
        if self.context_first:
            rows, names = rows[::-1], "ba"
        lengths = [row.row_lengths() for row in rows]
        zero = tf.zeros_like(windows.rows)
        known = {
            "texts": contexts,
            **places,
            "pieces": at,
            "rows": windows.rows,
            "begin": self.template.place_of(names[1], lengths) + zero,
            "mark": self.template.place_of(self.mark, lengths) + zero,
            "cut": cut,
        }
        return self.rows(*rows), known

    def by_text(self, found: tf.Tensor, known: Any) -> dict[str, tf.Tensor]:
        at, rows = known["pieces"], known["rows"]
        window = at.value_rowids()
        place = tf.range(tf.size(window, tf.int64)) - tf.gather(at.row_starts(), window)
        place += tf.gather(known["begin"], window)
        of_pieces = tf.gather_nd(found, tf.stack([window, place], axis=1))
        marks = tf.gather_nd(
            found, tf.stack([tf.range(tf.size(rows, tf.int64)), known["mark"]], axis=1)
        )
        texts = tf.size(known["texts"], tf.int64)
        whole = _log_sum(
            tf.concat([of_pieces, marks], axis=0),
            tf.concat([tf.gather(rows, window), rows], axis=0),
            texts,
        )
        none = tf.math.unsorted_segment_min(tf.reduce_sum(marks, axis=1), rows, texts)
        spans = self._spans(of_pieces, known)
        return self._answers(spans, none, tf.reduce_sum(whole, axis=1), known)

    def answers(self, found: tf.Tensor, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        return {"serving_default": {**self.by_text(found, known), "cut": known["cut"]}}

    def _spans(self, logits: tf.Tensor, known: Any) -> tuple[tf.Tensor, ...]:
        """Different spans: text, start and end in characters, and the best logit, all (spans,)."""
        most, at = self.max_answer_length, known["pieces"]
        window = at.value_rowids()
        ends_at = tf.gather(at.row_limits(), window)
        here = tf.range(tf.size(window, tf.int64))
        last = here[:, None] + tf.range(most, dtype=tf.int64)
        fits = last < ends_at[:, None]
        last = tf.minimum(last, tf.maximum(tf.size(window, tf.int64) - 1, 0))
        both = logits[:, :1] + tf.gather(logits[:, 1], last)
        # The same pieces in several windows: the best of them.
        pieces = tf.size(known["ids"].flat_values, tf.int64)
        key = at.flat_values[:, None] * most + tf.range(most, dtype=tf.int64)
        best = tf.math.unsorted_segment_max(
            tf.boolean_mask(both, fits), tf.boolean_mask(key, fits), pieces * most
        )
        key = tf.where(best > best.dtype.min)[:, 0]
        best = tf.gather(best, key)
        first, last = key // most, key // most + key % most
        starts, ends = self._edges(known)
        start, end = tf.gather(starts, first), tf.gather(ends, last)
        row = tf.gather(known["ids"].value_rowids(), first)
        # Pieces of bytes may hold blanks, which are no part of an answer.
        start, end = without_white_ends(known["texts"], row, start, end)
        kept = start < end
        row, start, end, best = (tf.boolean_mask(x, kept) for x in (row, start, end, best))
        # Different pieces may stand for the same characters.
        wide = tf.cast(tf.reduce_max(tf.concat([ends, [0]], axis=0)) + 1, tf.int64)
        key = (row * wide + tf.cast(start, tf.int64)) * wide + tf.cast(end, tf.int64)
        key, which = tf.unique(key, tf.int64)
        best = tf.math.unsorted_segment_max(best, which, tf.size(key, tf.int64))
        start, end = (tf.cast(x, tf.int32) for x in (key // wide % wide, key % wide))
        return key // (wide * wide), start, end, best

    def _edges(self, known: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Where an answer begins that begins with a piece, and where it ends that ends with it."""
        starts, ends = known["starts"].flat_values, known["ends"].flat_values
        if not self.align_to_words:
            return starts, ends
        word, first, last = word_pieces(known["words"])
        return (
            tf.gather(tf.gather(starts, first), word),
            tf.gather(tf.gather(ends, last - 1), word),
        )

    def _answers(
        self, spans: tuple[tf.Tensor, ...], none: tf.Tensor, whole: tf.Tensor, known: Any
    ) -> dict[str, tf.Tensor]:
        """The best spans of each text, in order."""
        row, start, end, logit = spans
        texts = known["texts"]
        count = tf.size(texts, tf.int64)
        rank = logit
        if self.may_be_none:
            row = tf.concat([row, tf.range(count)], axis=0)
            nowhere = tf.zeros_like(none, tf.int32)
            start, end = (tf.concat([x, nowhere], axis=0) for x in (start, end))
            logit, rank = (
                tf.concat([logit, none], axis=0),
                tf.concat([logit, none - self.threshold], axis=0),
            )
        order = best_first(rank, row)
        row, start, end, logit = (tf.gather(x, order) for x in (row, start, end, logit))
        words = tf.strings.substr(tf.gather(texts, row), start, end - start, unit="UTF8_CHAR")
        score = tf.exp(logit - tf.gather(whole, row))
        found = {"answer": words, "score": score, "start": start, "end": end, "logit": logit}
        ragged = {name: x[:, : self.top_k] for name, x in by_row(found, row, count).items()}
        return {
            **{name: value.to_tensor() for name, value in ragged.items()},
            "answers": tf.cast(ragged["score"].row_lengths(), tf.int32),
            "no_answer_score": tf.exp(none - whole),
            "no_answer_logit": none,
        }


def _log_sum(values: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The logarithm of the sum of exponentials of values (…, 2) in each row: (rows, 2)."""
    most = tf.math.unsorted_segment_max(values, rows, count)
    sums = tf.math.unsorted_segment_sum(tf.exp(values - tf.gather(most, rows)), rows, count)
    return most + tf.math.log(sums)


def as_answers(outputs: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """What `AnswerGraph` found for each question, as plain values."""
    nothing = {"answer": "", "score": 0.0, "start": 0, "end": 0, "logit": float("-inf")}
    found = as_records({name: outputs[name] for name in nothing}, outputs["answers"].tolist())
    rest = ("no_answer_score", "no_answer_logit")
    others = zip(*(outputs[name].tolist() for name in rest), strict=True)
    return [
        [{**each, **dict(zip(rest, own, strict=True))} for each in answers or [nothing]]
        for answers, own in zip(found, others, strict=True)
    ]
