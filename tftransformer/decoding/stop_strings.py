"""StopStrings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import require

WHITE = tuple(b" \t\n\r\v\f")


class StopStrings:
    """Strings that end a row as soon as its new text contains one, even across token boundaries.

    Each token advances its row through an automaton over bytes (Aho and Corasick 1975). The
    automaton is built once, so that a step costs one table lookup. Where a tokenizer strips texts,
    the stripped text is matched; if a string ends in white space that may still be stripped, the
    row ends with the next token that writes something else.

    Args:
        surfaces: the bytes that each id writes, by id.
        strings: the stop strings; none may be empty.
        strips_start: whether white space at the start of a text is stripped.
        strips_end: whether white space at its end is stripped.
        behind: what a prompt of any text has behind it that is not there until more is written.

    >>> stop = StopStrings([b"", b"a", b"bc", b"ca"], ["ac", "cc"])
    >>> table = np.eye(4, dtype="float32")[[1, 3, 2, 2]]  # 0 → a, a → ca, bc → bc, ca → bc
    >>> def next_is(ids, cache, position):
    ...     return keras.ops.take(table, ids[:, -1], axis=0), cache
    >>> step = tt.decoding.DecodingStep(next_is)
    >>> tt.Greedy()(step, [[0]], max_new_tokens=9, end_id=-1, pad_id=0, stop=stop).ids
    <tf.Tensor: ... numpy=array([[[1, 3, 0, 0, 0, 0, 0, 0, 0]]], dtype=int32)>
    """

    def __init__(
        self,
        surfaces: Sequence[bytes],
        strings: Sequence[str],
        *,
        strips_start: bool = False,
        strips_end: bool = False,
        behind: str = "",
    ):
        valid = not isinstance(strings, str) and len(strings) > 0
        valid = valid and all(isinstance(text, str) and text for text in strings)
        require(valid, "strings", strings, "a sequence of strings that are not empty")
        self.strings = tuple(strings)
        self.strips_start, self.strips_end, self.behind = strips_start, strips_end, behind
        by_byte = _automaton([text.encode() for text in self.strings], strips_end)
        self._states = len(by_byte)
        self._end, self._begin = self._states - 3, self._states - 1 if strips_start else 0
        self._behind = int(_by_token(by_byte, [behind.encode()])[0, 0])
        self._blank = np.array([not surface.strip() for surface in surfaces])
        by_token = _by_token(by_byte, surfaces)
        # Most tokens write nothing that matters: few columns differ.
        columns, self._column_of = np.unique(by_token, axis=1, return_inverse=True)
        self._column_of = np.reshape(self._column_of, -1).astype("int32")
        self._width, self._table = columns.shape[1], np.ravel(columns).astype("int32")

    def begin(self, ids: Any, lengths: Any) -> Any:
        """Returns the states (int32, of each row) after prompts: the first `lengths` of `ids`."""
        columns = ops.arange(ops.shape(ids)[1])
        blank = ops.logical_or(ops.take(self._blank, ids), columns >= lengths[:, None])
        states = ops.where(ops.all(blank, axis=1), self._begin, self._behind)
        return ops.cast(states, "int32")

    def advance(self, states: Any, tokens: Any) -> Any:
        """Returns the states after one more token: int32, of the shape of both."""
        return ops.take(self._table, states * self._width + ops.take(self._column_of, tokens))

    def has_ended(self, states: Any) -> Any:
        """Returns where a text contains one of the strings; bool."""
        return states == self._end


def _automaton(strings: Sequence[bytes], strips_end: bool) -> np.ndarray:
    """The state (states, 256) that each byte leads to from each state; 0 is the first one.

    The last three are: a string was found; one was found whose white space may be stripped; and
    nothing but white space at the start of a text.
    """
    children: list[dict[int, int]] = [{}]
    ends: dict[int, bytes] = {}
    for string in strings:
        node = 0
        for byte in string:
            if byte not in children[node]:
                children[node][byte] = len(children)
                children.append({})
            node = children[node][byte]
        ends[node] = string
    found = len(children)
    stripped, start = found + 1, found + 2
    table = np.zeros((len(children) + 3, 256), "int64")
    links = [0] * len(children)  # to the longest end of what was read that begins a string, too
    order = [0]
    for node in order:  # breadth first: links lead to nodes that are complete
        if links[node] in ends and node not in ends:
            ends[node] = ends[links[node]]
        if node:
            table[node] = table[links[node]]
        for byte, child in children[node].items():
            links[child] = int(table[node, byte]) if node else 0
            table[node, byte] = child
            order.append(child)
    target = np.arange(len(table))
    for node, string in ends.items():
        target[node] = stripped if strips_end and string[-1] in WHITE else found
    table = target[table]
    table[found] = table[stripped] = found
    table[start] = table[0]
    table[stripped, WHITE], table[start, WHITE] = stripped, start
    return table


def _by_token(table: np.ndarray, surfaces: Sequence[bytes]) -> np.ndarray:
    """The state (states, tokens) that the bytes of each token lead to from each state."""
    sizes = np.array([len(surface) for surface in surfaces])
    padded = np.array(surfaces, dtype=f"S{max(1, sizes.max(initial=0))}")
    letters = padded.view("uint8").reshape(len(surfaces), -1)
    states = np.repeat(np.arange(len(table))[:, None], len(surfaces), axis=1)
    for place in range(letters.shape[1]):
        longer = np.flatnonzero(sizes > place)
        states[:, longer] = table[states[:, longer], letters[longer, place]]
    return states
