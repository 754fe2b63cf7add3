"""Texts in rows, and in plain Python who may see whom.

A text is a row of tokens with what masks read of it. Tests ask the same text alone, in a batch,
padded on either side, in a cache, behind a memory.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tftransformer import masks as m

LAYERS, D, VOCABULARY, LONGEST, SOURCE = 2, 8, 11, 5, 3
NOWHERE = -99  # the number of a column that holds no token


@dataclass(frozen=True)
class Text:
    """A row of tokens, numbered from 0, and what masks read of it."""

    ids: tuple[int, ...]
    documents: tuple[int, ...]
    ranks: tuple[int, ...]
    prefix: int
    filled: int  # how many positions of the memory
    source: tuple[int, ...]

    def cut(self, length: int) -> "Text":
        return replace(self, ids=self.ids[:length])

    def shows(self, query: int, key: int) -> bool:
        """A mask that a person made elsewhere."""
        return (3 * query + 5 * key + self.prefix) % 4 != 0


@dataclass(frozen=True)
class Batch:
    """Texts in rows, each with its padding on one side; the same memory before all of them."""

    texts: tuple[Text, ...]
    sides: tuple[str, ...]
    room: int = 0  # columns beyond the longest text
    memory: int = 0
    targets: bool = False  # whether each place is asked for by a query stream, too

    @property
    def numbers(self) -> np.ndarray:
        """The number of the token in each column, or `NOWHERE`: int (rows, columns)."""
        width = max(len(text.ids) for text in self.texts) + self.room
        numbers = np.full((len(self.texts), width), NOWHERE)
        for row, text, side in zip(numbers, self.texts, self.sides, strict=True):
            length = len(text.ids)
            columns = slice(width - length, width) if side == "left" else slice(length)
            row[columns] = np.arange(length)
        return numbers

    @property
    def is_padded(self) -> bool:
        return bool((self.numbers == NOWHERE).any())

    def alone(self, row: int) -> "Batch":
        return replace(self, texts=self.texts[row : row + 1], sides=("right",), room=0)

    def ids(self, numbers: np.ndarray) -> np.ndarray:
        return self._each(lambda text, number: text.ids[number], numbers)

    def memories(self) -> list[np.ndarray] | None:
        """For each layer float (rows, memory, width), of each text its own."""
        if not self.memory:
            return None
        drawn = [
            np.random.default_rng([*text.source, text.prefix]).normal(size=(LAYERS, self.memory, D))
            for text in self.texts
        ]
        return list(np.stack(drawn, axis=1).astype("float32"))

    def sources(self) -> dict[str, np.ndarray]:
        """Vectors to attend to, float (rows, SOURCE, D), and which of them are real."""
        table = np.random.default_rng(1).normal(size=(VOCABULARY, D)).astype("float32")
        rows = []
        for text, side in zip(self.texts, self.sides, strict=True):
            padding = (0,) * (SOURCE - len(text.source))
            rows.append(padding + text.source if side == "left" else text.source + padding)
        ids = np.array(rows)
        return {"encoder_output": table[ids], "encoder_padding_mask": ids != 0}

    def entries(self, queries: np.ndarray, keys: np.ndarray) -> dict[str, np.ndarray]:
        """What masks, scorers and embeddings read, of the numbers of queries and keys."""
        shown = [
            [[text.shows(q, k) for k in of_keys] for q in of_queries]
            for text, of_queries, of_keys in zip(self.texts, queries, keys, strict=True)
        ]
        of_queries, of_keys = self._documents(queries), self._documents(keys)
        return {
            "prefix_lengths": np.array([text.prefix for text in self.texts], "int32"),
            "query_documents": of_queries,
            "key_documents": of_keys,
            "query_segments": of_queries,
            "key_segments": of_keys,
            "permutation": np.array(
                [[*text.ranks, *range(len(text.ranks), LONGEST)] for text in self.texts]
            ),
            "attention_mask": np.array(shown),
            "memory_lengths": np.array([text.filled for text in self.texts], "int32"),
        }

    def _documents(self, numbers: np.ndarray) -> np.ndarray:
        # A memory is of the text's first document.
        known = np.where(numbers == NOWHERE, numbers, np.maximum(numbers, 0))
        return self._each(lambda text, number: text.documents[number], known)

    def _each(self, value: Any, numbers: np.ndarray) -> np.ndarray:
        """A value of each token, int32; 0 for padding and what is not yet written."""
        rows = [
            [value(text, n) if 0 <= n < len(text.ids) else 0 for n in row]
            for text, row in zip(self.texts, numbers, strict=True)
        ]
        return np.array(rows, "int32")


def sees(mask: m.Mask, text: Text, query: int, key: int) -> bool:
    """Whether a token of a text may see another one, as the masks are described in words."""
    match mask:
        case m.And():
            return sees(mask.left, text, query, key) and sees(mask.right, text, query, key)
        case m.Or():
            return sees(mask.left, text, query, key) or sees(mask.right, text, query, key)
        case m.Not():
            return not sees(mask.mask, text, query, key)
        case m.PaddingMask():
            return True
        case m.CausalMask():
            return key <= query
        case m.SlidingWindowMask():
            return -mask.before <= key - query <= mask.after
        case m.PrefixMask():
            return key < text.prefix
        case m.DocumentMask():
            return text.documents[max(query, 0)] == text.documents[max(key, 0)]
        case m.PermutationMask():
            own, other = text.ranks[query], text.ranks[max(key, 0)]
            return key < 0 or other < own or (other == own and mask.stream == "content")
        case m.MemoryMask():
            return key >= -text.filled
        case m.SameLengthMask():
            return key >= query - text.filled
        case m.TensorMask():
            return text.shows(query, key)
    raise AssertionError(f"{mask!r} is not described")


LEAVES = [
    m.CausalMask(),
    m.PaddingMask(),
    m.SlidingWindowMask(0),
    m.SlidingWindowMask(2),
    m.SlidingWindowMask(1, after=1),
    m.PrefixMask(),
    m.DocumentMask(),
    m.TensorMask(),
    m.PermutationMask(),
    m.PermutationMask("query"),
]
OF_MEMORY = [m.MemoryMask(), m.SameLengthMask()]


def expressions(leaves: list[m.Mask]) -> st.SearchStrategy[m.Mask]:
    """Draws trees of &, | and ~."""

    def joined(some: st.SearchStrategy[m.Mask]) -> st.SearchStrategy[m.Mask]:
        pairs = st.tuples(some, some)
        both, either = (
            pairs.map(lambda two: two[0] & two[1]),
            pairs.map(lambda two: two[0] | two[1]),
        )
        return both | either | some.map(lambda one: ~one)

    return st.recursive(st.sampled_from(leaves), joined, max_leaves=4)


@st.composite
def texts(draw: Any, memory: int) -> Text:
    length = draw(st.integers(1, LONGEST))

    def tokens(low: int, high: int, size: int) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.integers(low, high), min_size=size, max_size=size)))

    return Text(
        ids=tokens(1, VOCABULARY - 1, length),
        documents=tuple(sorted(tokens(0, 1, length))),
        ranks=tuple(draw(st.permutations(range(length)))),
        prefix=draw(st.integers(0, length)),
        filled=draw(st.integers(0, memory)),
        source=tokens(1, VOCABULARY - 1, draw(st.integers(1, SOURCE))),
    )
