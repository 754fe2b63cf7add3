"""Texts as pieces that know their places, in windows."""

import dataclasses
import functools
from typing import Any

import numpy as np

from tftransformer.core import Ragged
from tftransformer.objectives.columns import Tokens


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """What an objective gets of a column of texts that it reads in windows.

    Args:
        ids: a row for each text.
        starts, ends, words: int32 (pieces,), of each piece of the texts: see `Encoding`.
        rows: int64 (windows,), which text each window is of.
        places: a row for each window, which pieces of the texts stand in it.
        decides: bool, for each of `places.values` whether the window decides of that piece.
        spelling: int32 (pieces, spellings), how the word of each is spelled, where the objective
            asks for it.
    """

    ids: Ragged
    starts: np.ndarray
    ends: np.ndarray
    words: np.ndarray
    rows: np.ndarray
    places: Ragged
    decides: np.ndarray
    spelling: np.ndarray | None = None

    @functools.cached_property
    def windows(self) -> Ragged:
        """The ids of each window."""
        return self.of_windows(self.ids.values)

    def of_windows(self, values: np.ndarray) -> Ragged:
        """Values (pieces,) of the texts' pieces as rows of the windows."""
        return Ragged(values[self.places.values], self.places.row_splits)

    @functools.cached_property
    def word_numbers(self) -> Ragged:
        """The number of each window's words, or sentences, from 0 on for the first one in it."""
        words = self.of_windows(self.words)
        first = np.zeros(len(words), self.words.dtype)
        filled = words.lengths > 0
        first[filled] = words.values[words.row_splits[:-1][filled]]
        return Ragged(words.values - np.repeat(first, words.lengths), words.row_splits)

    def labels(self, values: np.ndarray, template: Any, none: int) -> Tokens:
        """Labels of pieces as those of the windows' tokens, each in the window that decides of it.

        Args:
            values: int (pieces,), one for each piece of the texts.
            template: what is laid around a window.
            none: the label of what is not decided there.
        """
        return self.tokens(np.where(self.decides, values[self.places.values], none), template, none)

    def tokens(self, values: np.ndarray, template: Any, fill: int = 0) -> Tokens:
        """Values (places,) of what stands in the windows as those of their tokens.

        Args:
            values: int, one for each of `places.values`.
            template: what is laid around a window.
            fill: of other tokens.
        """
        before = (fill,) * template.num_before("a", False)
        after = (fill,) * (template.num_special(False) - len(before))
        return Tokens(Ragged(values, self.places.row_splits), "tokens", fill, before, after)

    @functools.cached_property
    def word_starts(self) -> np.ndarray:
        """The numbers of the pieces that begin a word, among those of all texts: int64."""
        begins = np.ones(len(self.words), bool)
        begins[1:] = self.words[1:] != self.words[:-1]
        begins[self.ids.row_splits[:-1][self.ids.lengths > 0]] = True
        return np.flatnonzero(begins & (self.words >= 0))
