"""Texts as pieces that know their places, in windows; the labels of their tokens."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from tftransformer.core import Ragged
from tftransformer.objectives.columns import Following, Tokens

NO_LABEL = -1


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
        return self._of_windows(self.ids.values)

    def _of_windows(self, values: np.ndarray) -> Ragged:
        """Values (pieces,) of the texts' pieces as rows of the windows."""
        return Ragged(values[self.places.values], self.places.row_splits)

    @functools.cached_property
    def word_numbers(self) -> Ragged:
        """The number of each window's words, or sentences, from 0 on for the first one in it."""
        words = self._of_windows(self.words)
        first = np.zeros(len(words), self.words.dtype)
        filled = words.lengths > 0
        first[filled] = words.values[words.row_splits[:-1][filled]]
        return Ragged(words.values - np.repeat(first, words.lengths), words.row_splits)

    def labels(self, values: np.ndarray, template: Any) -> Tokens:
        """Labels of pieces as those of the windows' tokens, each in the window that decides of it.

        Args:
            values: int (pieces,), one for each piece of the texts, `NO_LABEL` for those without.
            template: what is laid around a window.

        Returns:
            the column, `NO_LABEL` for special tokens and for what another window decides.
        """
        decided = np.where(self.decides, values[self.places.values], NO_LABEL)
        return self.tokens(decided, template, NO_LABEL)

    def tokens(self, values: np.ndarray, template: Any, fill: int = 0) -> Tokens:
        """Values (places,) of what stands in the windows as those of their tokens.

        Args:
            values: int, one for each of `places.values`.
            template: what is laid around a window.
            fill: fill of other tokens.
        """
        rows = Ragged(values, self.places.row_splits)
        return Tokens(rows, "tokens", fill, *template.around(fill))

    @functools.cached_property
    def word_starts(self) -> np.ndarray:
        """The numbers of the pieces that begin a word, among those of all texts: int64."""
        begins = np.ones(len(self.words), bool)
        begins[1:] = self.words[1:] != self.words[:-1]
        begins[self.ids.row_splits[:-1][self.ids.lengths > 0]] = True
        return np.flatnonzero(begins & (self.words >= 0))


class TokenLabels(Following):
    """The labels of tokens; 0 where there is none."""

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        return np.maximum(self.column.batch(rows, widths), 0)


class TokenWeights(Following):
    """What each token weighs, by its label: float32 (chosen, width).

    Args:
        labels: what `Pieces.labels` returned.
        weights: float32 array (labels,).
    """

    def __init__(self, labels: Tokens, weights: np.ndarray):
        super().__init__(labels)
        self.weights = np.append(weights, np.float32(0))  # NO_LABEL is the last

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        return self.weights[self.column.batch(rows, widths)]
