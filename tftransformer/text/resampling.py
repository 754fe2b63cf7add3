"""Segmentations drawn at random: a pure function of the plain ones and a generator.

The sentencepiece library salts its sampler anew in each process, whatever the seed, so that a run
could not be resumed exactly. Here numpy draws from the same distributions, for all words of a
corpus at once.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, splits_of
from tftransformer.text.learning import SPACE

NONE = -1


class Resampler:
    """Cuts texts anew that are given as ids.

    A piece is cut into its letters, the pieces of one character, and these are put together
    again: by merges that are left out at random (BPE-dropout, Provilkov et al. 2020), or by a
    draw from all segmentations (unigram, Kudo 2018).

    Args:
        pieces: the vocabulary; None for what is no text and stays as it is (special tokens,
            bytes).
        scores: the log-probability of each piece (unigram), or minus the rank of its merge (BPE),
            which is a whole number.
    """

    def __init__(self, pieces: Sequence[str | None], scores: Sequence[float]):
        id_of = {piece: i for i, piece in enumerate(pieces) if piece is not None}
        is_bpe = all(float(score).is_integer() for score in scores)
        self._draw = (_Merges if is_bpe else _Lattice)(id_of, np.array(scores))
        cut = self._draw.made_of_letters
        self._letters = Ragged.from_rows(
            [[id_of[letter] for letter in p] if p in cut else [i] for i, p in enumerate(pieces)]
        )
        # Unless a piece goes on behind a space, each word can be cut by itself.
        by_words = not any(SPACE in piece[1:] for piece in id_of)
        self._begins_word = np.array([by_words and (p or "").startswith(SPACE) for p in pieces])

    def __call__(self, texts: Ragged, alpha: float, generator: np.random.Generator) -> Ragged:
        """Draws a segmentation for each text.

        Args:
            texts: plain ids.
            alpha: the probability to leave out a merge (BPE), or the exponent on the
                probabilities of segmentations (unigram).
            generator: where the random numbers come from.
        """
        letters = self._letters.take(texts.values)
        begins = self._begins_word[texts.values]
        begins[texts.row_splits[:-1][texts.lengths > 0]] = True
        starts = letters.row_splits[:-1][begins]
        lengths = np.diff(starts, append=len(letters.values))
        drawn = np.full(len(letters.values), NONE, np.int32)
        for length in np.unique(lengths):  # words of one length are the rows of a matrix
            places = starts[lengths == length][:, None] + np.arange(length)
            drawn[places] = self._draw(letters.values[places], alpha, generator)
        is_piece = drawn != NONE
        pieces_before = splits_of(is_piece)
        return Ragged(drawn[is_piece], pieces_before[letters.row_splits[texts.row_splits]])


def resampler_of(processor: Any, numbers: Sequence[int]) -> Resampler:
    """A resampler of a SentencePiece model's pieces.

    Args:
        processor: that of the model.
        numbers: for each id the number of its piece in the model; -1: it has none.
    """
    no_text = (
        processor.is_control,
        processor.is_unknown,
        processor.is_byte,
        processor.is_unused,
    )
    pieces = [
        None if i < 0 or any(no(i) for no in no_text) else processor.id_to_piece(i) for i in numbers
    ]
    return Resampler(pieces, [0.0 if i < 0 else processor.get_score(i) for i in numbers])


class _Merges:
    """Byte-pair merges, the best first, each left out with some probability.

    Two neighbours can merge if the vocabulary holds what they make together. As in the
    sentencepiece library, what is once left out is not tried again.
    """

    NEVER = np.iinfo(np.int32).max

    def __init__(self, id_of: Mapping[str, int], scores: np.ndarray):
        self.made_of_letters: set[str] = set()
        pairs = {}
        for piece in sorted(id_of, key=len):
            halves = [(piece[:cut], piece[cut:]) for cut in range(1, len(piece))]
            halves = [pair for pair in halves if self.made_of_letters.issuperset(pair)]
            if halves or len(piece) == 1:
                self.made_of_letters.add(piece)
            for left, right in halves:
                pairs[id_of[left], id_of[right]] = id_of[piece]
        self._made = np.argsort(-scores, kind="stable")  # the piece of each rank
        rank_of = np.argsort(self._made)
        self._base = len(scores)
        keys = [left * self._base + right for left, right in pairs]
        order = np.argsort(keys)
        # One more at the end, so that each search ends at a key.
        self._keys = np.append(np.array(keys, np.int64)[order], np.iinfo(np.int64).max)
        self._ranks = np.append(rank_of[list(pairs.values())][order], self.NEVER).astype(np.int32)

    def __call__(
        self, symbols: np.ndarray, alpha: float, generator: np.random.Generator
    ) -> np.ndarray:
        """Merges the neighbours in each row: int array (words, letters), NONE behind the end."""

        def ranks_of(left: np.ndarray, right: np.ndarray) -> np.ndarray:
            keys = left * np.int64(self._base) + right
            places = np.searchsorted(self._keys, keys)
            merges = (self._keys[places] == keys) & (generator.random(keys.shape) >= alpha)
            return np.where(merges, self._ranks[places], self.NEVER)

        result = np.full(symbols.shape, NONE, np.int32)
        rows = np.arange(len(symbols))
        ranks = ranks_of(symbols[:, :-1], symbols[:, 1:])
        for width in range(symbols.shape[1], 1, -1):
            # Each row that is not finished merges once: all stay equally long.
            best = ranks.argmin(axis=1)
            rank = np.take_along_axis(ranks, best[:, None], axis=1)[:, 0]
            finished = rank == self.NEVER
            result[rows[finished], :width] = symbols[finished]
            rows, symbols, ranks, best, rank = (
                array[~finished] for array in (rows, symbols, ranks, best, rank)
            )
            symbols[np.arange(len(rows)), best] = self._made[rank]
            places = np.arange(width) - best[:, None]
            symbols = symbols[places != 1].reshape(len(rows), width - 1)
            ranks = ranks[places[:, :-1] != 0].reshape(len(rows), width - 2)
            for left in (best - 1, best):
                changed = np.flatnonzero((left >= 0) & (left < width - 2))
                left = left[changed]
                ranks[changed, left] = ranks_of(symbols[changed, left], symbols[changed, left + 1])
        result[rows, : symbols.shape[1]] = symbols
        return result


class _Lattice:
    """All segmentations of a word, drawn in proportion to their probability to the power alpha.

    Forwards, the probabilities of all ways to each place are summed; backwards, one way is drawn.
    """

    def __init__(self, id_of: Mapping[str, int], scores: np.ndarray):
        self._scores = scores
        self.made_of_letters = {p for p in id_of if all(letter in id_of for letter in p)}
        self._longest = max(map(len, self.made_of_letters), default=1)
        # Pieces by their beginnings: (beginning, letter) leads to a longer beginning.
        number_of: defaultdict[str, int] = defaultdict(lambda: len(number_of))
        number_of[""] = 0
        self._base = len(scores)
        keys = {}
        for piece in self.made_of_letters:
            for end in range(1, len(piece) + 1):
                key = number_of[piece[: end - 1]] * self._base + id_of[piece[end - 1]]
                keys[key] = number_of[piece[:end]]
        order = np.argsort(list(keys))
        self._keys = np.append(np.array(list(keys), np.int64)[order], np.iinfo(np.int64).max)
        self._next = np.append(np.array(list(keys.values()), np.int64)[order], NONE)
        self._piece_at = np.full(len(number_of) + 1, NONE)  # the last one: of NONE
        for piece in self.made_of_letters:
            self._piece_at[number_of[piece]] = id_of[piece]

    def __call__(
        self, symbols: np.ndarray, alpha: float, generator: np.random.Generator
    ) -> np.ndarray:
        """Draws for each row: int array (words, letters), NONE where no piece begins."""
        scores = np.append(alpha * self._scores, -np.inf)  # the last one: of NONE
        rows, width = symbols.shape
        sums = np.full((width + 1, rows), -np.inf)  # log of what leads to each place
        sums[0] = 0
        # (start, pieces, log-probabilities)
        arriving: list[list[tuple]] = [[] for _ in range(width + 1)]
        for start in range(width):
            state = np.zeros(rows, np.int64)
            for end in range(start + 1, min(start + self._longest, width) + 1):
                state = self._follow(state, symbols[:, end - 1])
                pieces = self._piece_at[state] if end > start + 1 else symbols[:, start]
                weights = sums[start] + scores[pieces]
                sums[end] = np.logaddexp(sums[end], weights)
                arriving[end].append((start, pieces, weights))
        result = np.full((rows, width), NONE, np.int32)
        at = np.full(rows, width)
        for end in range(width, 0, -1):
            here = np.flatnonzero(at == end)
            starts, arrived, weighed = zip(*arriving[end], strict=True)
            chances = np.exp(np.stack([w[here] for w in weighed]) - sums[end, here])
            lots = np.cumsum(chances, axis=0)
            drawn = np.argmax(lots > generator.random(len(here)) * lots[-1], axis=0)
            at[here] = np.array(starts)[drawn]
            result[here, at[here]] = np.stack([p[here] for p in arrived])[
                drawn, np.arange(len(here))
            ]
        return result

    def _follow(self, state: np.ndarray, letters: np.ndarray) -> np.ndarray:
        """The states after one more letter; NONE where no piece begins like this."""
        keys = np.where(state == NONE, -1, state * self._base + letters)
        places = np.searchsorted(self._keys, keys)
        return np.where(self._keys[places] == keys, self._next[places], NONE)
