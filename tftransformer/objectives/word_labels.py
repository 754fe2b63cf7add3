"""WordLabels: several labels for each word, each with its own softmax."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import check_choice, check_ints, register
from tftransformer.objectives.columns import Following, Tokens
from tftransformer.objectives.examples import ColumnExamples
from tftransformer.objectives.labels import check_saved
from tftransformer.objectives.objective import LABEL, TEXT, Columns
from tftransformer.objectives.pieces import NO_LABEL, Pieces
from tftransformer.objectives.text_rows import TextRows
from tftransformer.training.losses import GroupedCrossEntropy
from tftransformer.training.metrics import GroupedAccuracy

UNKNOWN = -2
JUDGES = ("loss", "accuracy")


@register
class WordLabels(TextRows):
    """Several labels for each word, such as its part of speech and its phrase.

    The columns are the text, with words separated by spaces, and a list with a tuple of labels for
    each word: one label of each kind, or None if a word has no label of that kind, which is then
    not trained. The logits of a token are those of the first kind, then those of the second, and so
    on; each kind has its own softmax (Vilares et al. 2019, "Better, Faster, Stronger Sequence
    Tagging Constituent Parsers"). The first piece of a word is trained on its labels.

    Args:
        stride: pieces that neighbouring windows of a long text share.
        known: the `classes_` of a trained head. They are kept if they include all labels of the
            training rows; otherwise the head is replaced.
        spelling: see `Objective`.
        output: see `TextRows`.
        judge_by: what the best epoch is chosen by, on validation rows: "loss", or "accuracy", the
            share of words with all labels right.

    Attributes:
        kinds_: the labels of each kind, most frequent first.

    Example:

    >>> objective = WordLabels()
    >>> objective.fit([[[("DT", "B"), ("NN", "I")], [("NN", None)]]])
    >>> objective.kinds_
    [['NN', 'DT'], ['B', 'I']]
    """

    forms = ((TEXT, LABEL),)
    takes = "a column of text and one of labels"
    learns = "kinds_"

    def __init__(
        self,
        *,
        stride: int = 32,
        known: Sequence[Sequence[Any]] = (),
        spelling: int = 0,
        output: str | None = None,
        judge_by: str = "accuracy",
    ):
        super().__init__(output)
        check_choice(JUDGES, judge_by=judge_by)
        check_ints(0, stride=stride, spelling=spelling)
        self.stride, self.spelling, self.judge_by = stride, spelling, judge_by
        self.known = [(kind, label) for kind, label in known]

    @property
    def num_outputs(self) -> int:
        """Number of logits for each token."""
        return sum(self.sizes)

    @property
    def sizes(self) -> list[int]:
        """How many labels each kind has."""
        return [len(labels) for labels in self.kinds_]

    @property
    def classes_(self) -> list[tuple[int, Any]]:
        """The number of its kind, and the label, of each logit."""
        return [(number, label) for number, kind in enumerate(self.kinds_) for label in kind]

    def fit(self, columns: Sequence[list[Any]]) -> None:
        words = [word for row in columns[0] for word in row]
        counts = [Counter(x for x in kind if x is not None) for kind in zip(*words, strict=True)]
        for number, kind in enumerate(counts):
            if not kind:
                raise ValueError(f"no word has a label of kind {number}: there is nothing to learn")
        self.kinds_ = [sorted(kind, key=lambda x: (-kind[x], str(x))) for kind in counts]
        if {*self.classes_} <= {*self.known}:
            self.kinds_ = [
                [label for kind, label in self.known if kind == number]
                for number in range(len(counts))
            ]

    def begin(self, labels: Sequence[str] | None) -> None:
        raise ValueError("a trained head does not say which labels are of a kind: call fit first.")

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        pieces, given = columns
        ids, lost = self._ids(pieces, given)
        kinds = [pieces.labels(kind, template) for kind in ids.T]
        examples = ColumnExamples(
            self.window_inputs(pieces, tokenizers[0], template),
            self.by_output(_Hot(kinds, self.sizes)),
            self.by_output(_Weights(kinds)),
        )
        unknown = int(np.count_nonzero(ids == UNKNOWN))
        if lost:
            examples.notes += (f"{lost:,} words without a piece of their own",)
        if unknown:
            examples.notes += (f"{unknown:,} labels that no training row has",)
        return examples

    def get_state(self) -> dict[str, Any]:
        check_saved(label for kind in self.kinds_ for label in kind)
        return super().get_state()

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "known": [list(pair) for pair in self.known]}

    def losses(self) -> Any:
        return self.by_output(GroupedCrossEntropy(self.sizes))

    def metrics(self) -> Any:
        return self.by_output([GroupedAccuracy(self.sizes)])

    def _ids(self, pieces: Pieces, given: Sequence[Any]) -> tuple[np.ndarray, int]:
        """The labels of each piece that begins a word, int32 (pieces, kinds); words without one."""
        if not self.is_fitted:
            raise RuntimeError("the labels are not known: call fit with the training rows first.")
        numbers = [{label: i for i, label in enumerate(kind)} for kind in self.kinds_]
        found = np.full((len(pieces.words), len(numbers)), NO_LABEL, np.int32)
        heads = pieces.word_starts
        of_row = np.searchsorted(heads, pieces.ids.row_splits)
        lost = 0
        for row, labels in enumerate(given):
            own = heads[of_row[row] : of_row[row + 1]]
            words = pieces.words[own]
            if len(words) and words[-1] >= len(labels):
                raise ValueError(
                    f"a text has {words[-1] + 1} words and labels for {len(labels)}: each word "
                    "needs a tuple of them."
                )
            lost += len(labels) - len(words)
            for place, word in zip(own.tolist(), words.tolist(), strict=True):
                found[place] = [
                    NO_LABEL if label is None else number.get(label, UNKNOWN)
                    for label, number in zip(labels[word], numbers, strict=True)
                ]
        return found, lost


class _Hot(Following):
    """1 for each label of a token, kind after kind: float32 (chosen, width, labels)."""

    def __init__(self, kinds: Sequence[Tokens], sizes: Sequence[int]):
        super().__init__(kinds[0])
        self.kinds, self.sizes = kinds, sizes

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        hot = np.zeros((len(rows), widths["tokens"], sum(self.sizes)), np.float32)
        before = 0
        for kind, size in zip(self.kinds, self.sizes, strict=True):
            ids = kind.batch(rows, widths)
            row, token = np.nonzero(ids >= 0)
            hot[row, token, before + ids[row, token]] = 1
            before += size
        return hot


class _Weights(Following):
    """1 for each token that has a label of any kind: float32 (chosen, width)."""

    def __init__(self, kinds: Sequence[Tokens]):
        super().__init__(kinds[0])
        self.kinds = kinds

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        there = [kind.batch(rows, widths) != NO_LABEL for kind in self.kinds]
        return np.any(there, axis=0).astype(np.float32)
