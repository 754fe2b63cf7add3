"""WindowGraph: what tasks share that say something of each word of texts of any length."""

from typing import Any

import tensorflow as tf

from tftransformer.tasks.row_graph import RowGraph
from tftransformer.text import (
    NUM_SPELLINGS,
    check_stride,
    deciding_pieces,
    lay_windows,
    spelling_ids,
    word_pieces,
    words_between_blanks,
)


class WindowGraph(RowGraph):
    """From texts of any length, in windows, to what the model says of each piece.

    A long text is read in windows that share `stride` pieces. A word, which is what has one word
    number, is decided in the window that holds all of it and where it stands most central; pieces
    of a word that no window holds are decided one by one.

    Args:
        stride: pieces that neighbours share; None: there is one window, and longer texts are cut.
        given_words: whether blanks, and nothing else, part the words of the texts.
        spelling: how many spellings of words the model knows; 0: it reads none.
        **row: see `RowGraph`; `max_length` is that of a window.
    """

    advice = "have windows: give a stride"

    def __init__(
        self,
        *,
        stride: int | None,
        given_words: bool = False,
        spelling: int = 0,
        **row: Any,
    ):
        super().__init__(texts=["texts"], **row)
        self.stride, self.given_words = stride, given_words
        self.spelling = spelling
        if spelling:
            self.fills = {**self.fills, "spelling_ids": 0}
            self.depths = {"spelling_ids": NUM_SPELLINGS}
        check_stride(self.room, stride or 0)

    def encode(self, *texts: tf.Tensor) -> tuple[dict[str, tf.Tensor], Any]:
        (text,) = texts
        places = self.grouped(text, self.tokenizer.tokenize_with_places(text))
        lengths = places["ids"].row_lengths()
        cut = tf.zeros_like(lengths, tf.bool)
        if self.stride is None:
            cut = lengths > self.room
            places = {name: value[:, : self.room] for name, value in places.items()}
            lengths = tf.minimum(lengths, self.room)
        windows = lay_windows(lengths, self.room, self.stride or 0)
        start = tf.gather(places["ids"].row_starts(), windows.rows) + windows.starts
        at = tf.ragged.range(start, start + windows.lengths)
        pieces = at.with_flat_values(tf.gather(places["ids"].flat_values, at.flat_values))
        known = {"texts": text, **places, "pieces": at, "counts": windows.counts, "cut": cut}
        rows = self.rows(pieces, None)
        if self.spelling:
            starts, ends, words = (places[name] for name in ("starts", "ends", "words"))
            spelled = spelling_ids(text, starts, ends, words, self.spelling).flat_values
            rows["spelling_ids"] = self.in_rows(at, spelled)
        return rows, known

    def in_rows(self, at: tf.RaggedTensor, values: tf.Tensor) -> tf.Tensor:
        """Values of pieces where their tokens are in rows, 0 for special tokens and padding.

        Args:
            at: which pieces a row has, (rows, None).
            values: the values of all pieces, (pieces, …).
        """
        values = tf.gather(values, at.flat_values)
        before, behind = (
            tf.zeros([at.nrows(), len(special), *values.shape[1:]], values.dtype)
            for special in self.template.around()
        )
        return tf.concat([before, at.with_flat_values(values), behind], axis=1).to_tensor(0)

    def grouped(self, text: tf.Tensor, places: dict[str, Any]) -> dict[str, Any]:
        """Returns the places of pieces, among them as `words` what is decided together."""
        if not self.given_words:
            return places
        words = words_between_blanks(text, places["starts"], places["words"])
        return {**places, "words": words}

    def answers(self, found: tf.Tensor, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        """Returns what `by_text` finds in each text, and which texts were cut."""
        return {"serving_default": {**self.by_text(found, known), "cut": known["cut"]}}

    def of_pieces(self, found: tf.Tensor, known: Any) -> tf.Tensor:
        """What was computed of each piece where it is decided: float32 (pieces, labels)."""
        words = known["words"]
        number = deciding_pieces(words, word_pieces(words), self.room, self.stride or 0)
        row = words.value_rowids()
        window = tf.gather(tf.cumsum(known["counts"], exclusive=True), row) + number
        piece = tf.range(tf.size(row, tf.int64)) - tf.gather(words.row_starts(), row)
        column = piece - number * (self.room - (self.stride or 0))
        column += self.template.num_before("a", pair=False)
        return tf.gather_nd(found, tf.stack([window, column], axis=1))
