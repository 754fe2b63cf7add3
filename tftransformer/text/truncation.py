"""Texts that are too long for a row are cut, and it is told by how much."""

from typing import Any

import numpy as np
import tensorflow as tf

from tftransformer.core import Ragged, check_ints

# Which part of a text is left, by the side on which it is cut.
KEPT = {"right": "beginnings", "left": "ends"}


def truncate(
    first: Ragged, second: Ragged | None, max_tokens: int, cut_side: str = "right"
) -> tuple[Ragged, Ragged | None, np.ndarray]:
    """Cuts texts at their ends so that each row, or each pair, has `max_tokens` ids at most.

    Of a pair the longer text is cut first, down to the length of the shorter; from there on both
    are cut alike, and the one that was longer (the second, where they were equal) may keep one id
    more. That is "longest_first" of Hugging Face's fast tokenizers.

    Args:
        first: ids of the first texts.
        second: ids of the second texts, as many rows, or None.
        max_tokens: ids of both together, without special tokens: what the model takes, less
            `Template.num_special`.
        cut_side: "left": at their beginnings instead.

    Returns:
        the texts, and how many ids were cut from each row, int64 (rows,).

    Raises:
        ValueError: `max_tokens` is negative or no int.

    Example:

    >>> rows = tt.core.Ragged.from_rows
    >>> first, second, cut = truncate(rows([[1, 2, 3, 4, 5]]), rows([[6, 7]]), max_tokens=5)
    >>> first.tolist(), second.tolist(), cut
    ([[1, 2, 3]], [[6, 7]], array([2]))
    """
    check_ints(0, max_tokens=max_tokens)
    lengths = [text.lengths for text in (first, second) if text is not None]
    kept = _kept(*lengths, max_tokens, np)
    cut = sum(lengths) - sum(kept)
    part = Ragged.head if cut_side == "right" else Ragged.tail
    if second is None:
        return part(first, *kept), None, cut
    return part(first, kept[0]), part(second, kept[1]), cut


def truncate_in_graph(
    first: tf.RaggedTensor,
    second: tf.RaggedTensor | None,
    max_tokens: int,
    *,
    only_first: bool = False,
    cut_side: str = "right",
) -> tuple[tf.RaggedTensor, tf.RaggedTensor | None, tf.Tensor]:
    """Does what `truncate` does, in a graph or eagerly, for ragged tensors.

    Args:
        first: ids of the first texts, int32 (batch, None).
        second: ids of the second texts, or None.
        max_tokens: as in `truncate`.
        only_first: whether the first text alone is cut, and the second where there is no other
            way: "only_first" of Hugging Face.
        cut_side: as in `truncate`.

    Returns:
        the texts, and how many ids were cut from each row, int64 (batch,).
    """
    check_ints(0, max_tokens=max_tokens)
    lengths = [text.row_lengths() for text in (first, second) if text is not None]
    if only_first and len(lengths) > 1:
        of_second = tf.minimum(lengths[1], max_tokens)
        kept = [tf.minimum(lengths[0], max_tokens - of_second), of_second]
    else:
        kept = _kept(*lengths, max_tokens, tf)
    cut = sum(lengths) - sum(kept)
    texts = [first] if second is None else [first, second]
    texts = [_part(text, keep, cut_side) for text, keep in zip(texts, kept, strict=True)]
    return texts[0], None if second is None else texts[1], cut


def _kept(*arguments: Any) -> Any:
    """How many ids of each text stay; `xp` is numpy or TensorFlow."""
    *lengths, most, xp = arguments
    if len(lengths) == 1:
        return [xp.minimum(lengths[0], most)]
    first, second = lengths
    shorter, longer = xp.minimum(first, second), xp.maximum(first, second)
    of_shorter = xp.minimum(shorter, most // 2)
    of_longer = xp.minimum(longer, most - of_shorter)
    first_is_longer = first > second
    return [
        xp.where(first_is_longer, of_longer, of_shorter),
        xp.where(first_is_longer, of_shorter, of_longer),
    ]


def _part(text: tf.RaggedTensor, kept: tf.Tensor, cut_side: str) -> tf.RaggedTensor:
    """The first `kept` ids of each row, or the last ones."""
    starts = text.row_starts() if cut_side == "right" else text.row_limits() - kept
    places = tf.ragged.range(starts, starts + kept)
    return places.with_flat_values(tf.gather(text.flat_values, places.flat_values))
