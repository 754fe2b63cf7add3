"""Scores of answers found in a text."""

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tftransformer.core import check_choice
from tftransformer.scores.ratios import check_text, matching_rows, of_counts

PUNCTUATION = str.maketrans("", "", string.punctuation)


def squad_scores(
    true: Sequence[Sequence[str]],
    predicted: Sequence[str],
    *,
    version: int = 1,
    no_answer: Sequence[float] | None = None,
    threshold: float = 1.0,
) -> dict[str, Any]:
    """Exact match and F1 of words, as the scripts of SQuAD 1.1 and 2.0 count them.

    Answers are compared in lower case, without ASCII punctuation, without the words a, an and
    the; the best over all answers of a question counts (Rajpurkar et al. 2016, 2018).

    Args:
        true: the right answers of each question; none, in version 2, if the text has no answer.
        predicted: the predicted answers; "" for none.
        version: 1, or 2 for questions that may have no answer.
        no_answer: for version 2, the confidence that each question has no answer.
        threshold: a question whose `no_answer` is above it counts as answered by "".

    Returns:
        dict of `exact` and `f1` (0 to 100), `total` and `each`, a list of (exact, f1), 0 to 1.
        Version 2 adds `with_answer` and `without_answer` (`exact`, `f1`, `total`; left out where
        there is no such question), and, if `no_answer` is given, `best_exact`, `best_f1` and the
        thresholds that reach them, `best_exact_threshold` and `best_f1_threshold`. As in the
        script, these go through the questions by rising `no_answer`, one by one even if values are
        equal.

    Raises:
        ValueError: if the sides differ in length, nothing is to be scored, a text is no string,
            a question of version 1 has no answer, or `no_answer` is not a number.

    Example:
        >>> scores = squad_scores([["New York", "New York City"]], ["the city of New York"])
        >>> scores["exact"], round(scores["f1"], 1)
        (0.0, 85.7)
    """
    true, predicted = matching_rows(true, predicted, "answers")
    _check(true, predicted, version, no_answer, threshold)
    raw = [_best(*row, version) for row in zip(true, predicted, strict=True)]
    each = raw
    if no_answer is not None and version == 2:
        each = [
            (float(not answers), float(not answers)) if sure > threshold else scores
            for answers, sure, scores in zip(true, no_answer, raw, strict=True)
        ]
    scores: dict[str, Any] = {**_means(each), "each": each}
    if version == 2:
        for name, wanted in (("with_answer", True), ("without_answer", False)):
            some = [x for answers, x in zip(true, each, strict=True) if bool(answers) == wanted]
            if some:
                scores[name] = _means(some)
        if no_answer is not None:
            for index, name in enumerate(("exact", "f1")):
                own = [x[index] for x in raw]
                best, place = _best_threshold(true, predicted, no_answer, own)
                scores[f"best_{name}"], scores[f"best_{name}_threshold"] = best, place
    return scores


def _check(
    true: Sequence[Sequence[str]],
    predicted: Sequence[str],
    version: int,
    no_answer: Sequence[float] | None,
    threshold: float,
) -> None:
    check_choice((1, 2), version=version)
    if version == 1 and no_answer is not None:
        raise ValueError("no_answer is for version=2: in version 1 every question has an answer.")
    for row, (answers, text) in enumerate(zip(true, predicted, strict=True)):
        check_text("predicted", row, text)
        if isinstance(answers, str):
            raise ValueError(f"true[{row}] is {answers!r}: expected a list of right answers.")
        for answer in answers:
            check_text("true", row, answer)
        if version == 1 and not len(answers):
            raise ValueError(f"true[{row}] has no answer: only version=2 has such questions.")
    if no_answer is not None and len(no_answer) != len(true):
        raise ValueError(f"{len(no_answer)} figures in no_answer for {len(true)} questions.")
    for name, value in [("threshold", threshold), *(("no_answer", x) for x in no_answer or ())]:
        if math.isnan(value):
            raise ValueError(f"{name}={value!r} was given; expected a number.")


def _best(answers: Sequence[str], found: str, version: int) -> tuple[float, float]:
    """Exact match and F1 of one answer, each the best over the right ones."""
    if version == 2:  # an answer of articles and punctuation alone is none
        answers = [answer for answer in answers if normalised(answer)] or [""]
    exact = max(float(normalised(answer) == normalised(found)) for answer in answers)
    return exact, max(_f1(answer, found, version) for answer in answers)


def normalised(answer: str) -> str:
    """An answer without what is ignored: case, ASCII punctuation, articles, extra spaces.

    >>> normalised("The  U.S. (an ally)")
    'us ally'
    """
    text = answer.lower().translate(PUNCTUATION)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def _f1(answer: str, found: str, version: int) -> float:
    true, predicted = (normalised(text).split() for text in (answer, found))
    if version == 2 and not (true and predicted):
        return float(true == predicted)
    matched = (Counter(true) & Counter(predicted)).total()
    return of_counts(matched, len(predicted), len(true))["f1"]


def _means(each: Sequence[tuple[float, float]]) -> dict[str, float]:
    exact, f1 = (100 * sum(column) / len(each) for column in zip(*each, strict=True))
    return {"exact": exact, "f1": f1, "total": len(each)}


def _best_threshold(
    true: Sequence[Sequence[str]],
    predicted: Sequence[str],
    no_answer: Sequence[float],
    scores: Sequence[float],
) -> tuple[float, float]:
    """The best mean score, and the threshold with which it is reached."""
    score = best = float(sum(not answers for answers in true))
    threshold = 0.0
    for row in sorted(range(len(scores)), key=no_answer.__getitem__):
        if true[row]:
            score += scores[row]
        elif predicted[row]:
            score -= 1
        if score > best:
            best, threshold = score, float(no_answer[row])
    return 100 * best / len(scores), threshold
