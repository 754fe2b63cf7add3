"""What found entities are worth, and what counting and a linear machine find in the same texts."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.core.tags import spans_on_words, spans_to_tags, tags_to_spans
from tftransformer.scores import span_scores
from tftransformer.tasks.tagged_texts import Span, as_spans
from tftransformer.text import GivenWords

WORD = re.compile(r"\w+|[^\w\s]")


def evaluation(task: Any, frame: Any, names: Sequence[Any], baselines: bool) -> dict[str, Any]:
    """Scores of a token classifier, with `majority` and `linear` where they can be had.

    Args:
        task: a fitted `TokenClassifier`.
        frame: texts and true spans.
        names: names of its columns.
        baselines: whether to fit and score them.
    """
    texts, truth = _whole(frame, names)
    found = [as_spans(entities) for entities in task.answers([texts])]
    scores = {"rows": len(texts), **_scores(truth, found)}
    known = getattr(task, "trained_on_", None)
    if baselines and known is not None:
        learnt = list(zip(*_whole(known, names), strict=True))
        for name, baseline in (("majority", _most_frequent), ("linear", _linear)):
            scores[name] = _scores(truth, baseline(learnt, texts))
            del scores[name]["types"]
    return scores


def _whole(frame: Any, names: Sequence[Any]) -> tuple[list[str], list[list[Span]]]:
    """Texts and spans of the rows that have both."""
    rows = zip(*(frame[name] for name in names), strict=True)
    whole = [row for row in rows if isinstance(row[0], str) and isinstance(row[1], list)]
    if not whole:
        raise ValueError("there is no row with a text and its spans.")
    return [text for text, _ in whole], [spans for _, spans in whole]


def _scores(truth: Sequence[list[Span]], found: Sequence[list[Span]]) -> dict[str, Any]:
    sides = ([[(kind, i, j) for i, j, kind in row] for row in side] for side in (truth, found))
    scores = span_scores(*sides)
    micro, macro = scores["micro"], scores["macro"]["f1"]
    return {**{key: micro[key] for key in ("f1", "precision", "recall")}, "macro_f1": macro,
            "types": scores["types"]}  # fmt: skip


class _Words:
    """The words of a text, for machines that do not know it otherwise."""

    def __init__(self, text: str):
        if isinstance(text, GivenWords):
            self.places = text.places()
        else:
            self.places = [match.span() for match in WORD.finditer(text)]
        self.words = [text[start:end] for start, end in self.places]

    def tags(self, spans: list[Span], names: dict[str, Any]) -> list[str]:
        names |= {str(kind): kind for _, _, kind in spans}
        found = [(str(kind), i, j) for kind, i, j in spans_on_words(spans, self.places)]
        return spans_to_tags(found, len(self.words))

    def spans(self, tags: Sequence[str], names: dict[str, Any]) -> list[Span]:
        return [
            (self.places[i][0], self.places[j - 1][1], names[kind])
            for kind, i, j in tags_to_spans(tags)
        ]


def _most_frequent(learnt: Any, texts: Any) -> list[list[Span]]:
    """Each word gets the tag that it has most often; an unknown one is none."""
    names: dict[str, Any] = {}
    counts: dict[str, Counter] = defaultdict(Counter)
    for text, spans in learnt:
        words = _Words(text)
        for word, tag in zip(words.words, words.tags(spans, names), strict=True):
            counts[word][tag] += 1
    best = {word: tags.most_common(1)[0][0] for word, tags in counts.items()}
    asked = [_Words(text) for text in texts]
    return [words.spans([best.get(word, "O") for word in words.words], names) for words in asked]


def _linear(learnt: Any, texts: Any) -> list[list[Span]]:
    """A linear machine decides each word by its letters and those of its neighbours."""
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.svm import LinearSVC

    names: dict[str, Any] = {}
    features, tags = [], []
    for text, spans in learnt:
        words = _Words(text)
        features += _features(words.words)
        tags += words.tags(spans, names)
    vectors = DictVectorizer()
    machine = LinearSVC().fit(_narrow(vectors.fit_transform(features)), tags)
    asked = [_Words(text) for text in texts]
    flat = [each for words in asked for each in _features(words.words)]
    answers = iter(machine.predict(_narrow(vectors.transform(flat))) if flat else ())
    return [words.spans([str(next(answers)) for _ in words.words], names) for words in asked]


def _narrow(matrix: Any) -> Any:
    """A sparse matrix with the narrow indices that LinearSVC takes."""
    matrix.indices, matrix.indptr = (x.astype(np.int32) for x in (matrix.indices, matrix.indptr))
    return matrix


def _features(words: list[str]) -> list[dict[str, Any]]:
    """What is seen of each word: itself, its ends, its shape, and the words around it."""
    each = [{"word": word.lower(), "shape": _shape(word), **_ends(word.lower())} for word in words]
    around = [{"word": "", "shape": ""}] * 2
    padded = [*around, *each, *around]
    return [
        {
            **padded[i + 2],
            **{
                f"{name}{step}": padded[i + 2 + step][name]
                for step in (-2, -1, 1, 2)
                for name in ("word", "shape")
            },
        }
        for i in range(len(words))
    ]


def _ends(word: str) -> dict[str, str]:
    return {f"first{n}": word[:n] for n in (1, 2, 3)} | {f"last{n}": word[-n:] for n in (1, 2, 3)}


def _shape(word: str) -> str:
    """Capitals, small letters and digits, runs of one kind as one sign."""
    kinds = (
        "X" if x.isupper() else "x" if x.isalpha() else "0" if x.isdigit() else x for x in word
    )
    return re.sub(r"(.)\1+", r"\1", "".join(kinds))
