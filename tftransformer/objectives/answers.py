"""Answers: where a context answers a question."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import check_ints, register
from tftransformer.objectives.columns import Column, Following, Values
from tftransformer.objectives.examples import ColumnExamples
from tftransformer.objectives.objective import LABEL, TEXT, Columns
from tftransformer.objectives.pieces import Pieces
from tftransformer.objectives.text_rows import TextRows


@register
class Answers(TextRows):
    """Start and end of an answer; columns: the question, its context, the place of the answer.

    A place is (start, end) in characters of the context, half open, or () if it has no answer. The
    context is read in windows, each joined to the whole question, which comes first unless the
    template ends with the token that represents the row. Start and end are each a softmax over the
    pieces of the window and that token, which is the label if the window contains no answer (Devlin
    et al. 2019, §4.2 f.). Inputs have a `span_mask` of these positions, and the output of the model
    is (batch, 2, tokens): see `SpanModel`.

    Args:
        stride: pieces of the context that neighbouring windows share.

    Attributes:
        unanswered_: number of training rows without an answer.
    """

    forms = ((TEXT, TEXT, LABEL),)
    takes = "columns of questions, of contexts and of places"
    learns = "unanswered_"
    num_outputs = 2
    split_by = 1  # questions to one context stay on one side

    def __init__(self, stride: int = 64):
        super().__init__(None)
        check_ints(0, stride=stride)
        self.stride = stride

    def fit(self, columns: Sequence[list[Any]]) -> None:
        self.unanswered_ = sum(not place for place in columns[0])
        if self.unanswered_ == len(columns[0]):
            raise ValueError("no row has an answer: there is nothing to learn.")

    def begin(self, labels: Sequence[str] | None) -> None:
        self.unanswered_ = 0

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        questions, pieces, answers = columns
        questions = questions.take(pieces.rows)
        texts = [questions, pieces.windows]
        names = "ab"
        if context_is_first(template):
            texts, names = texts[::-1], "ba"
        inputs = self.inputs(texts, tokenizers[0], template)
        lengths = [text.lengths for text in texts]
        begin = template.place_of(names[1], lengths)
        mark = template.place_of(mark_of(template), lengths)
        size, rows = pieces.places.lengths, len(questions)
        begin, mark = (np.broadcast_to(place, (rows,)) for place in (begin, mark))
        inputs["span_mask"] = _SpanMask(inputs["token_ids"], begin, size, mark)
        first, last = _piece_places(pieces, answers)
        splits = pieces.places.row_splits
        at = np.append(pieces.places.values, 0)[np.minimum(splits[:-1], len(pieces.places.values))]
        first, last = first[pieces.rows] - at, last[pieces.rows] - at
        held = (first >= 0) & (last < size) & (first <= last)
        places = [np.where(held, begin + place, mark) for place in (first, last)]
        labels = Values(np.stack(places, axis=1).astype(np.int32))
        return ColumnExamples(inputs, labels, Values(np.ones(rows, np.float32)))


def context_is_first(template: Any) -> bool:
    """Whether contexts stand before questions: where the token for the row ends it, as XLNet's."""
    return bool(template.num_before("cls", True))


def mark_of(template: Any) -> str:
    """The token that stands for the whole row, and so for no answer."""
    for name in ("cls", "start"):
        if template.num_before(name, True) is not None:
            return name
    raise ValueError(f"{template!r} has no token, cls or start, that could mean no answer.")


def _piece_places(pieces: Pieces, answers: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The first and last piece of each answer, among those of all texts; -1 and -2 for none."""
    splits = pieces.ids.row_splits
    first, last = np.full(len(answers), -1), np.full(len(answers), -2)
    for row, place in enumerate(answers):
        if place:
            own = slice(splits[row], splits[row + 1])
            touched = (pieces.ends[own] > place[0]) & (pieces.starts[own] < place[1])
            found = np.flatnonzero(touched)
            if len(found):
                first[row], last[row] = splits[row] + found[0], splits[row] + found[-1]
    return first, last


class _SpanMask(Following):
    """Where an answer may start or end: in the context, or at the token that means none."""

    def __init__(self, ids: Column, begin: np.ndarray, size: np.ndarray, mark: np.ndarray):
        super().__init__(ids)
        self.begin, self.size, self.mark = begin, size, mark

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        at = np.arange(widths["tokens"])
        begin, size, mark = (x[rows][:, None] for x in (self.begin, self.size, self.mark))
        return ((at >= begin) & (at < begin + size)) | (at == mark)
