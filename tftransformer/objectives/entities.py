"""Entities: the words of a text that name something, and its kind."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.core import check_choice, check_ints, register
from tftransformer.core.tags import (
    PREFIXES,
    SCHEMES,
    scheme_of,
    spans_on_words,
    spans_to_tags,
    tag_parts,
)
from tftransformer.objectives.examples import ColumnExamples
from tftransformer.objectives.labels import (
    ClassWeight,
    balanced_weights,
    check_class_weight,
    check_distinct,
    check_saved,
    listed,
)
from tftransformer.objectives.objective import LABEL, TEXT, Columns
from tftransformer.objectives.pieces import NO_LABEL, Pieces, TokenLabels, TokenWeights
from tftransformer.objectives.text_rows import SCORES, TextRows
from tftransformer.training.macro_f1 import MacroF1
from tftransformer.training.metrics import TokenAccuracy

OUTSIDE = "O"


@register
class Entities(TextRows):
    """The entities in a text; columns: the text, then its spans.

    The spans of a row are a list of (start, end, type), in characters, half open; types may be any
    hashable values. Spans become tags of words, and the first piece of each word is trained on the
    tag, in the window where the word is most central. A word belongs to an entity that contains any
    of its characters.

    Args:
        scheme: scheme of the tags: "IOB1", "IOB2", "BIOES" or "plain". None: that of the labels of
            a trained head, or IOB2.
        stride: pieces that neighbouring windows of a long text share.
        class_weight: training weight of a word, by its type: a dict by type or "O" (types not in it
            weigh 1), or "balanced": all tags have the same total weight.
        known: labels of a trained head, in the order of its logits. They are kept if they include
            all tags of the training rows; otherwise the head is replaced.
        smoothing: smoothing of the loss: see `LabelSmoothedCrossEntropy`.
        spelling: see `Objective`.
        output: see `TextRows`.
        judge_by: what the best epoch is chosen by: "loss", "accuracy" or "macro_f1" of the word
            tags on validation rows.

    Attributes:
        types_: the types in the training rows, sorted by name.
        scheme_: the scheme of the tags.
        classes_: names of the tags; tag `i` is logit `i`.
        neighbours_: how much likelier each tag is after another one than anywhere, as the logarithm
            of a ratio, from the first training rows that were read: lists of floats (tags + 1,
            tags), the last list for words that begin a text.

    Example:

    >>> objective = Entities()
    >>> objective.fit([[[(0, 3, "PER")], [(4, 9, "LOC")]]])
    >>> objective.classes_
    ['O', 'B-LOC', 'I-LOC', 'B-PER', 'I-PER']
    """

    forms = ((TEXT, LABEL),)
    takes = "a column of text and one of spans"
    learns = "classes_"

    def __init__(
        self,
        scheme: str | None = None,
        *,
        stride: int = 32,
        class_weight: ClassWeight = None,
        known: Sequence[str] = (),
        smoothing: float = 0.0,
        spelling: int = 0,
        output: str | None = None,
        judge_by: str = "loss",
    ):
        super().__init__(output)
        check_choice((*SCHEMES, None), scheme=scheme)
        check_choice(SCORES, judge_by=judge_by)
        check_ints(0, stride=stride, spelling=spelling)
        check_class_weight(class_weight)
        self.scheme, self.stride, self.class_weight = scheme, stride, class_weight
        self.known, self.smoothing, self.judge_by = known, smoothing, judge_by
        self.spelling = spelling

    @property
    def num_outputs(self) -> int:
        """Number of logits for each token."""
        return len(self.classes_)

    def fit(self, columns: Sequence[list[Any]]) -> None:
        types = {kind for spans in columns[0] for _, _, kind in spans}
        if not types:
            raise ValueError("no row has an entity: there is nothing to learn.")
        names = Counter(map(str, types))
        twice = [name for name, count in names.items() if count > 1 or name in ("", OUTSIDE)]
        if twice:
            raise ValueError(f"{twice[0]!r} cannot be the name of one type: rename it.")
        weighed = self.class_weight if isinstance(self.class_weight, Mapping) else {}
        unknown = [name for name in weighed if name not in types and name != OUTSIDE]
        if unknown:
            raise ValueError(f"class_weight names {unknown[0]!r}, which no entity is.")
        self.types_ = sorted(types, key=str)
        self.scheme_ = self.scheme or "IOB2"
        prefixes = [f"{prefix}-" for prefix in PREFIXES.get(self.scheme_, ())] or [""]
        tags = [OUTSIDE, *(f"{prefix}{kind}" for kind in self.types_ for prefix in prefixes)]
        self.classes_ = list(self.known) if {*tags} <= {*self.known} else tags

    def begin(self, labels: Sequence[Any] | None) -> None:
        labels = [str(label) for label in labels or ()]  # some folders name them by numbers
        if not labels or len(labels) == len({*labels} & {OUTSIDE}):
            raise ValueError("the trained head does not say which labels it has.")
        check_distinct(labels)
        try:
            found = scheme_of([labels]).replace("IOB1", "IOB2")
        except ValueError:  # some have prefixes and some have none
            found = "plain" if all(label[1:2] != "-" for label in labels) else "BIOES"
        self.scheme_ = self.scheme or found
        prefixed = self.scheme_ in PREFIXES
        names = {tag_parts(label, prefixed)[1] for label in labels}
        self.types_, self.classes_ = sorted(names - {OUTSIDE}), list(labels)

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        pieces, spans = columns
        ids, lost = self._labels(pieces, spans)
        if training and not hasattr(self, "neighbours_"):
            self.neighbours_ = neighbours(ids, pieces.ids.row_splits, len(self.classes_))
        labels = pieces.labels(ids, template)
        examples = ColumnExamples(
            self.window_inputs(pieces, tokenizers[0], template),
            self.by_output(TokenLabels(labels)),
            self.by_output(TokenWeights(labels, self._weights(labels.ids.values, training))),
        )
        examples.notes = (f"scheme {self.scheme_}",)
        if lost:
            examples.notes += (f"{lost:,} entities without a word of their own count as O",)
        return examples

    def get_state(self) -> dict[str, Any]:
        check_saved(self.types_)
        return super().get_state()

    def metrics(self) -> Any:
        return self.by_output([TokenAccuracy(), MacroF1(len(self.classes_))])

    def _labels(self, pieces: Pieces, spans: Sequence[Any]) -> tuple[np.ndarray, int]:
        """The tag of each piece that begins a word, else `NO_LABEL`; how many spans got none."""
        if not self.is_fitted:
            raise RuntimeError("the types are not known: call fit with the training rows first.")
        number = {label: i for i, label in enumerate(self.classes_)}
        known = set(self.types_)
        found = np.full(len(pieces.words), NO_LABEL, np.int32)
        heads = pieces.word_starts
        found[heads] = number[OUTSIDE]
        ends = np.where(pieces.words < 0, 0, pieces.ends)
        ends = np.maximum.reduceat(ends, heads) if len(heads) else ends
        of_row = np.searchsorted(heads, pieces.ids.row_splits)
        lost = 0
        for row, given in enumerate(spans):
            if not given:
                continue
            own = slice(of_row[row], of_row[row + 1])
            for *_, kind in given:
                if kind not in known:
                    raise ValueError(
                        f"type {kind!r} is not among the {len(known)} of the training rows "
                        f"({listed(self.types_)}): fit with rows that have it."
                    )
            places = list(zip(pieces.starts[heads[own]].tolist(), ends[own].tolist(), strict=True))
            words = [(str(kind), i, j) for kind, i, j in spans_on_words(given, places)]
            lost += len(given) - len(words)
            tags = spans_to_tags(words, len(places), scheme=self.scheme_)
            found[heads[own]] = [number[tag] for tag in tags]
        return found, lost

    def _weights(self, ids: np.ndarray, training: bool) -> np.ndarray:
        """What a word with each tag weighs: float32 (tags,)."""
        if training and self.class_weight == "balanced":
            return balanced_weights(np.bincount(ids[ids >= 0], minlength=len(self.classes_)))
        by_name: dict[str, float] = {}
        if training and isinstance(self.class_weight, Mapping):
            by_name = {str(kind): value for kind, value in self.class_weight.items()}
        prefixed = self.scheme_ in PREFIXES
        weights = [by_name.get(tag_parts(tag, prefixed)[1], 1.0) for tag in self.classes_]
        return np.array(weights, np.float32)


def neighbours(tags: np.ndarray, row_splits: np.ndarray, count: int) -> list[list[float]]:
    """How much likelier each tag is behind another one than anywhere: see `Entities`.

    Each tag counts as if it had once stood before one that is as frequent there as anywhere.

    Args:
        tags: of all pieces, int (pieces,); below 0 where a piece has none.
        row_splits: where each text begins, and the last one ends.
        count: how many tags there are.

    >>> np.round(neighbours(np.array([0, 1, -1, 0, 1]), np.array([0, 4, 5]), 3), 1).tolist()
    [[-0.7, 0.4, -0.7], [0.4, -0.7, -0.7], [0.0, 0.0, 0.0], [0.0, 0.0, -1.1]]
    """
    at = np.flatnonzero(tags >= 0)
    row, tags = np.searchsorted(row_splits, at, side="right"), tags[at]
    before = np.where(np.diff(row, prepend=-1) > 0, count, np.roll(tags, 1))
    pairs = np.zeros((count + 1, count))
    np.add.at(pairs, (before, tags), 1)
    anywhere = pairs.sum(axis=0) / max(len(tags), 1)
    anywhere[anywhere == 0] = 1 / max(len(tags), 1)  # what a trained head knows besides
    shares = (pairs + anywhere) / (pairs.sum(axis=1, keepdims=True) + 1)
    return np.log(shares / anywhere).tolist()
