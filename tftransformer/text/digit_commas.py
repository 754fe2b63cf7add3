"""Commas behind digits, which XLNet cuts off."""

from typing import Any

import tensorflow as tf

SPACE = "▁"


class Commas(tf.Module):
    """Pieces that end in a digit and a comma, cut again: what is before the comma, and the comma.

    Args:
        processor: that of a SentencePiece model.
    """

    def __init__(self, processor: Any):
        super().__init__()
        rows = []
        for number in range(processor.get_piece_size()):
            piece = processor.id_to_piece(number)
            ends = len(piece) > 1 and piece[-1] == "," and piece[-2].isdigit()
            rows.append(_without_comma(processor, piece) if ends else [number])
        lengths = [
            [len(processor.id_to_piece(number).lstrip(SPACE)) for number in row] for row in rows
        ]
        self._rows = tf.ragged.constant(rows, tf.int32)
        self._lengths = tf.ragged.constant(lengths, tf.int32)

    def split(self, columns: dict[str, tf.RaggedTensor]) -> dict[str, tf.RaggedTensor]:
        """The same columns with these pieces cut: `"ids"` and perhaps places."""
        ids = columns["ids"]
        made = tf.gather(self._rows, ids.flat_values)
        splits = tf.gather(made.row_splits, ids.row_splits)
        found = {"ids": made.flat_values}
        if "starts" in columns:
            lengths = tf.gather(self._lengths, ids.flat_values)
            part, sums = lengths.value_rowids(), tf.cumsum(lengths.flat_values, exclusive=True)
            before = sums - tf.gather(
                tf.concat([sums, [0]], axis=0), tf.gather(lengths.row_starts(), part)
            )
            begin, end = (tf.gather(columns[x].flat_values, part) for x in ("starts", "ends"))
            is_whole = tf.gather(lengths.row_lengths(), part) == 1
            start = tf.minimum(begin + before, end)
            stop = tf.minimum(start + lengths.flat_values, end)
            found["starts"] = tf.where(is_whole, begin, start)
            found["ends"] = tf.where(is_whole, end, stop)
            found["words"] = tf.gather(columns["words"].flat_values, part)
        return {
            name: tf.RaggedTensor.from_row_splits(column, splits, validate=False)
            for name, column in found.items()
        }


def _without_comma(processor: Any, piece: str) -> list[int]:
    """Ids of what is before the comma, cut by itself, and of the comma."""
    pieces = processor.encode(piece[:-1].replace(SPACE, ""), out_type=str)
    if not piece.startswith(SPACE) and pieces[0].startswith(SPACE):
        pieces = pieces[1:] if pieces[0] == SPACE else [pieces[0][1:], *pieces[1:]]
    return [processor.piece_to_id(name) for name in (*pieces, ",")]
