"""Permutation language models: tokens are predicted in any order."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import check_choice, check_ints, register
from tftransformer.objectives.columns import Column, Following, IsReal, Tokens, once_per_batch
from tftransformer.objectives.drawing import moved_to_front, uniform
from tftransformer.objectives.examples import ColumnExamples, DrawnExamples
from tftransformer.objectives.next_token import NextToken
from tftransformer.objectives.objective import Columns

ALL_KNOWN = -1  # the rank of what every token sees
DOCUMENTS = ("apart", "streams")


@register
class Permutation(NextToken):
    """Some tokens are predicted in an order that is drawn (XLNet, Yang et al. 2019, §2.2–2.3).

    Documents, with the start and the end that the tokenizer has, make rows of `max_length` tokens,
    one behind the other. From the left on, a span of 1 to `longest` tokens, each length being
    equally likely, stands anywhere within a stretch `every` times as long; the next stretch follows
    (§2.6 there: spans of 1 to 5 tokens, K = 6). The tokens of spans are targets: each sees what is
    no target, and those targets before it in an order that is drawn, all being equally likely. A
    row without a span, as short ones may be, has one token as its target. Draws depend only on
    (seed, epoch, row).

    Beside `token_ids` and `padding_mask` an `XLNet` reads `permutation`, int (batch, length), the
    rank of each target in the order, -1 for what all see, and `target_mapping`, float (batch,
    targets, length), 1 where a target stands. Labels and weights, on the axis "targets", are of the
    targets from left to right.

    Args:
        longest: span.
        every: 1 of so many tokens is a target.
        smoothing: float in [0, 1), probability mass that the loss spreads over the vocabulary.
        output: name of the model output that holds the logits. None: the model has one output.
        documents: `"apart"`, or `"streams"` for a model that carries its memory from row to row:
            see `NextToken` and `data.Streams`.

    Example:

    >>> from types import SimpleNamespace
    >>> tokenizer = SimpleNamespace(special_ids={"pad": 0})
    >>> rows = tt.core.Ragged.from_rows([range(10, 18)])
    >>> examples = Permutation().examples([rows], [tokenizer]).of_epoch(seed=2, epoch=0)
    >>> inputs, labels, weights = examples.batch(np.array([0]), examples.lengths[0])
    >>> inputs["permutation"].tolist(), labels["lm"].tolist()
    ([[-1, 2, 0, 1, -1, -1, -1, -1]], [[11, 12, 13, 0, 0, 0]])
    """

    overlap = 0  # labels are tokens of the row itself

    def __init__(
        self,
        longest: int = 5,
        every: int = 6,
        *,
        smoothing: float = 0.0,
        output: str | None = "lm",
        documents: str = "apart",
    ):
        super().__init__(smoothing, output, documents=documents)
        check_choice(DOCUMENTS, documents=documents)
        check_ints(1, longest=longest, every=every)
        self.longest, self.every = longest, every

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        ids = Tokens(columns[0], "tokens", tokenizers[0].special_ids.get("pad", 0))
        real = IsReal(ids, "bool")

        def make(draw: tuple[int, int] | None) -> Any:
            targets = _Targets(ids, self, draw or (0, 0))
            inputs = {
                "token_ids": ids,
                "padding_mask": real,
                "permutation": _Ranks(targets),
                "target_mapping": _Mapping(targets),
            }
            return inputs, self.by_output(targets), self.by_output(_IsTarget(targets))

        return DrawnExamples(make)

    def check_model(self, compute: Any, inputs: Any, weights: Any) -> None:
        """There is nothing to check: what a target sees stands in the inputs."""


class _Targets(Column):
    """The ids of the targets of each row, from left to right: int32 (chosen, targets)."""

    axes = ("targets",)

    def __init__(self, ids: Tokens, objective: Permutation, draw: tuple[int, int]):
        self.ids, self.objective, self.draw = ids, objective, draw

    def __len__(self) -> int:
        return len(self.ids)

    def lengths(self, axis: str) -> np.ndarray:
        """The most that may be drawn: of each whole stretch its share, of the last one a span."""
        tokens = self.ids.lengths("tokens")
        return np.minimum(tokens, tokens // self.objective.every + self.objective.longest)

    @once_per_batch
    def are(self, rows: np.ndarray) -> np.ndarray:
        """Which tokens of the chosen rows are targets: bool (chosen, the longest one's tokens)."""
        lengths = self.ids.lengths_of(rows)[:, None]
        width, every = int(lengths.max()), self.objective.every
        stretches = -(-width // every)
        size = uniform(self.draw, rows, stretches, stream=0) * self.objective.longest
        size = 1 + size.astype(np.int64)
        begin = np.cumsum(size * every, axis=1) - size * every
        place = uniform(self.draw, rows, stretches, stream=1) * (size * (every - 1) + 1)
        begin = begin + place.astype(np.int64)
        # One more from where a span begins, one less from where it ends.
        steps = np.zeros((len(rows), width + 1), np.int64)
        row = np.arange(len(rows))[:, None]
        np.add.at(steps, (row, np.minimum(begin, width)), 1)
        np.add.at(steps, (row, np.minimum(begin + size, width)), -1)
        column = np.arange(width)
        found = (np.cumsum(steps, axis=1)[:, :-1] > 0) & (column < lengths)
        lone = (uniform(self.draw, rows, 1, stream=2) * lengths).astype(np.int64)
        return found | (~found.any(axis=1, keepdims=True) & (column == lone) & (column < lengths))

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        are = self.are(rows)
        ids = self.ids.batch(rows, {"tokens": are.shape[1]})
        return moved_to_front(ids, are, widths["targets"], self.ids.fill)[0]


class _IsTarget(Following):
    """1 for each target, 0 for padding: float32 (chosen, targets)."""

    column: _Targets

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        count = self.column.are(rows).sum(axis=1, keepdims=True)
        return (np.arange(widths["targets"]) < count).astype(np.float32)


class _Ranks(Following):
    """The rank of each target in the order of its row, else `ALL_KNOWN`: int32 (chosen, width)."""

    def __init__(self, targets: _Targets):
        super().__init__(targets.ids)
        self.targets = targets

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        are = self.targets.are(rows)
        drawn = np.where(are, uniform(self.targets.draw, rows, are.shape[1], stream=3), 2.0)
        rank = np.argsort(np.argsort(drawn, axis=1, kind="stable"), axis=1)
        ranks = np.full((len(rows), widths["tokens"]), ALL_KNOWN, np.int32)
        ranks[:, : are.shape[1]] = np.where(are, rank, ALL_KNOWN)
        return ranks


class _Mapping(Column):
    """1 where a target stands: float32 (chosen, targets, width)."""

    axes = ("targets", "tokens")

    def __init__(self, targets: _Targets):
        self.targets = targets

    def __len__(self) -> int:
        return len(self.targets)

    def lengths(self, axis: str) -> np.ndarray:
        return (self.targets if axis == "targets" else self.targets.ids).lengths(axis)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        are = self.targets.are(rows)
        mapping = np.zeros((len(rows), widths["targets"], widths["tokens"]), np.float32)
        row, column = np.nonzero(are)
        rank = (np.cumsum(are, axis=1) - 1)[row, column]
        mapping[row, rank, column] = 1
        return mapping
