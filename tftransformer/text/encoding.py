"""What a tokenizer returns for texts: ids, and the place of each piece."""

import functools
from collections.abc import Callable

import numpy as np

from tftransformer.core import Ragged


class Encoding:
    """Texts as ids, and the place of each piece in its text.

    Places are computed when they are first read, so that they cost nothing if only ids are needed.

    Args:
        ids: a row for each text.
        places: computes `starts`, `ends` and `words`.

    Example:

    >>> pieces = ["[UNK]", "em", "##bed", "!"]
    >>> encoding = tt.WordPieceTokenizer(pieces).encode(["embed!"])
    >>> encoding.starts, encoding.ends, encoding.words
    (array([0, 2, 5], dtype=int32), array([2, 5, 6], dtype=int32), array([0, 0, 1], dtype=int32))
    """

    def __init__(self, ids: Ragged, places: Callable[[], tuple[np.ndarray, ...]]):
        self.ids = ids
        self._compute = places

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Encoding({self.ids!r})"

    @functools.cached_property
    def _places(self) -> tuple[np.ndarray, ...]:
        return self._compute()

    @property
    def starts(self) -> np.ndarray:
        """For each id of `ids.values`, the index of its first character in its text: int32.

        Characters are code points of the string as given.
        """
        return self._places[0]

    @property
    def ends(self) -> np.ndarray:
        """For each id, the index after its last character: int32."""
        return self._places[1]

    @property
    def words(self) -> np.ndarray:
        """For each id, the index of its word within its text, -1 for no word: int32."""
        return self._places[2]
