"""What a tokenizer makes of texts: ids, and where each piece stands."""

import functools
from collections.abc import Callable

import numpy as np

from tftransformer.core import Ragged


class Encoding:
    """Texts as ids, and the place of each piece in its text.

    Places are worked out when they are first asked for; who needs ids alone pays nothing.

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
        """Of each id of `ids.values`, the number of its first character in its text: int32.

        Characters are code points of the string as it was given.
        """
        return self._places[0]

    @property
    def ends(self) -> np.ndarray:
        """Of each id, one more than the number of its last character: int32."""
        return self._places[1]

    @property
    def words(self) -> np.ndarray:
        """Of each id, the number of its word within its text, -1 where it is of none: int32."""
        return self._places[2]
