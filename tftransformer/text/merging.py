"""Byte pair encoding (Sennrich et al. 2016) of many words at once, in the graph."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

NEVER = tf.int32.max  # the rank of a pair that does not merge
KEY = 2**31


class Symbols(NamedTuple):
    """Words as symbols, one word behind the other.

    Args:
        ids: int32 (symbols,), the piece of each.
        starts: int32 (symbols,), the number of the first of the symbols that it was made of.
        rows: int32 (symbols,), the number of its word, rising; no word is empty.
    """

    ids: tf.Tensor
    starts: tf.Tensor
    rows: tf.Tensor


class Merger(tf.Module):
    """Merges the neighbours that stand first in a list, again and again, in each word.

    In one round each word merges its best pair, wherever it stands, from left to right. All of
    them at once is the same as one by one where no piece that comes of it is in a pair that stands
    earlier in the list; where that can be, only the first one is merged. Words lie one behind the
    other, so that the work of a round grows with the number of symbols, not with the longest word.

    Args:
        pairs: ids of the left and the right piece, the first to merge first.
        made: ids of what comes of them.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]], made: Sequence[int]):
        super().__init__()
        both = np.array(pairs, np.int64).reshape(-1, 2)
        keys, ranks = np.unique(both[:, 0] * KEY + both[:, 1], return_index=True)
        # A table must not be empty, as one of no pairs would be: no two pieces have this key.
        keys, ranks = np.append(keys, -1), np.append(ranks, NEVER).astype(np.int32)
        self._ranks = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(keys, ranks), NEVER
        )
        self._made = tf.constant([*made, 0], tf.int32)
        at_once = _at_once(both, np.array(made, np.int64))
        self._at_once = None if at_once.all() else tf.constant(at_once)

    def __call__(self, ids: tf.Tensor, rows: tf.Tensor) -> Symbols:
        """Merges the symbols of words.

        Args:
            ids: int32 (symbols,).
            rows: int32 (symbols,), see `Symbols`.
        """
        ranks = self._look_up(ids, tf.concat([ids[1:], [0]], axis=0), _goes_on(rows))
        state = (ids, tf.range(tf.size(ids)), rows, ranks)
        ids, starts, rows, _ = tf.while_loop(
            lambda ids, starts, rows, ranks: tf.reduce_any(ranks < NEVER),
            self._round,
            state,
            shape_invariants=(tf.TensorShape([None]),) * 4,
            parallel_iterations=1,
        )
        return Symbols(ids, starts, rows)

    def _look_up(self, left: tf.Tensor, right: tf.Tensor, is_pair: tf.Tensor) -> tf.Tensor:
        keys = tf.cast(left, tf.int64) * KEY + tf.cast(right, tf.int64)
        return tf.where(is_pair, self._ranks.lookup(keys), NEVER)

    def _round(
        self, ids: tf.Tensor, starts: tf.Tensor, rows: tf.Tensor, ranks: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """What is left of the symbols when each word has merged its best pair."""
        best = tf.gather(tf.math.segment_min(ranks, rows), rows)
        chosen = tf.where((ranks == best) & (ranks < NEVER))[:, 0]
        chosen = self._apart(chosen, tf.gather(ranks, chosen), tf.gather(rows, chosen))
        count = tf.size(chosen, tf.int64)
        made = tf.gather(self._made, tf.gather(ranks, chosen))
        ids = tf.tensor_scatter_nd_update(ids, chosen[:, None], made)
        gone = tf.scatter_nd(chosen[:, None] + 1, tf.ones_like(chosen, tf.bool), [tf.size(ids)])
        kept = tf.where(~gone)[:, 0]
        ids, starts, rows, ranks = (tf.gather(x, kept) for x in (ids, starts, rows, ranks))
        # Only the pairs on either side of what was made are new.
        here = chosen - tf.range(count)
        touched = tf.concat([here, tf.maximum(here - 1, 0)], axis=0)
        behind = tf.minimum(touched + 1, tf.size(ids, tf.int64) - 1)
        is_pair = (tf.gather(rows, touched) == tf.gather(rows, behind)) & (touched < behind)
        new = self._look_up(tf.gather(ids, touched), tf.gather(ids, behind), is_pair)
        return ids, starts, rows, tf.tensor_scatter_nd_update(ranks, touched[:, None], new)

    def _apart(self, chosen: tf.Tensor, ranks: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Those of the pairs, by their places, that can be merged in one round."""
        follows = tf.concat([[False], chosen[1:] == chosen[:-1] + 1], axis=0)
        kept = tf.cond(tf.reduce_any(follows), lambda: _every_other(follows), lambda: ~follows)
        if self._at_once is not None:
            is_first = tf.concat([[True], rows[1:] != rows[:-1]], axis=0)
            kept &= tf.gather(self._at_once, ranks) | is_first
        return tf.boolean_mask(chosen, kept)


def _every_other(follows: tf.Tensor) -> tf.Tensor:
    """In a run of equal symbols every other pair is merged, from its first one on."""
    run = tf.cumsum(tf.cast(~follows, tf.int32)) - 1
    first = tf.cast(tf.where(~follows)[:, 0], tf.int32)
    return (tf.range(tf.size(run)) - tf.gather(first, run)) % 2 == 0


def _goes_on(rows: tf.Tensor) -> tf.Tensor:
    """Whether the next symbol is of the same word."""
    return tf.concat([rows[1:] == rows[:-1], tf.zeros_like(rows[:1], tf.bool)], axis=0)


def _at_once(pairs: np.ndarray, made: np.ndarray) -> np.ndarray:
    """For each merge, whether all pairs with the piece that it makes stand behind it: bool."""
    size = 1 + max(pairs.max(initial=0), made.max(initial=0))
    earliest = np.full(size, len(pairs), np.int64)
    order = np.arange(len(pairs))
    for side in (0, 1):
        np.minimum.at(earliest, pairs[:, side], order)
    return np.concatenate([earliest[made] > order, [True]])


def numbered(
    merges: Sequence[tuple[str, str]], ids: Mapping[str, int]
) -> tuple[list[tuple[int, int]], list[int]]:
    """Merges as the ids of the two pieces, and of what they make.

    Raises:
        ValueError: the vocabulary lacks one of these.
    """
    try:
        pairs = [(ids[left], ids[right]) for left, right in merges]
        return pairs, [ids[left + right] for left, right in merges]
    except KeyError as error:
        raise ValueError(f"a merge needs the piece {error}, which the vocabulary lacks") from None


def as_file(pieces: Sequence[str], merges: Sequence[tuple[str, str]]) -> bytes:
    """A vocabulary and its merges as the content of a file."""
    content = {"pieces": [*pieces], "merges": [f"{left} {right}" for left, right in merges]}
    return json.dumps(content, ensure_ascii=False, indent=0).encode()


def from_file(content: bytes) -> tuple[list[str], list[tuple[str, str]]]:
    """The opposite of `as_file`; raises a ValueError where it is none."""
    known = json.loads(content)
    if not isinstance(known, dict) or known.keys() != {"pieces", "merges"}:
        raise ValueError("expected an object with the pieces and the merges")
    pairs = (merge.split(" ") for merge in known["merges"])
    return known["pieces"], [(left, right) for left, right in pairs]
