"""Rows of multiple choice: context, question, choices and perhaps an answer; and a baseline."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.data.columns import check_columns, check_rows
from tftransformer.tasks.tables import as_frame, check_unicode


def choice_rows(
    rows: Any, names: Sequence[Any] = ("context", "question", "choices")
) -> list[list[Any]]:
    """Returns contexts, questions and lists of choices of several rows.

    Args:
        rows: a DataFrame with these columns; or tuples, or dicts, in any container. A question that
            is None or empty is none.
        names: names of the columns; None for a question says that there are none.

    Raises:
        TypeError: if this is no container of such rows.
        ValueError: if a row has no two choices, or holds what is no string.
    """
    if isinstance(rows, str | Mapping) or not hasattr(rows, "__iter__"):
        raise TypeError(
            "rows must be tuples of context, question and choices in a list, not of type "
            f"{type(rows).__name__}."
        )
    if hasattr(rows, "columns"):
        check_columns(rows, [name for name in names if name is not None])
        length = len(rows)
        columns = [[""] * length if n is None else rows[n].tolist() for n in names]
        given: list[Any] = list(zip(*columns, strict=True))
    else:
        given = [tuple(map(row.get, names)) if isinstance(row, Mapping) else row for row in rows]
    for index, row in enumerate(given):
        if isinstance(row, Sequence) and len(row) == 3 and row[1] is None:
            given[index] = row = (row[0], "", row[2])
        fits = isinstance(row, Sequence) and len(row) == 3
        fits = fits and isinstance(row[2], list | tuple | np.ndarray)
        strings = fits and all(isinstance(text, str) for text in (*row[:2], *row[2]))
        if not strings:
            raise ValueError(
                f"rows[{index}] is {row!r}, not a context, a question and a list of choices."
            )
        if len(row[2]) < 2 or not all(row[2]):
            raise ValueError(f"rows[{index}] needs two choices or more, none empty: {row[2]!r}.")
        for text in (*row[:2], *row[2]):
            check_unicode(f"rows[{index}]", text)
    contexts, questions, choices = zip(*given, strict=True) if given else ([], [], [])
    # Strings of numpy become Python's own.
    return [list(contexts), list(questions), [[*map(str, each)] for each in choices]]


def choice_table(data: Any, names: Sequence[Any]) -> Any:
    """Returns a DataFrame of `context`, `question`, `given` choices, `choices` and `answer`.

    In `choices` the question stands before each, as the second text of a row; `answer` is a number.

    Args:
        data: a DataFrame, dicts, or tuples of context, question, choices and answer.
        names: names of the columns.

    Raises:
        ValueError: if there is no row, a column is not there, or an answer is no choice.
    """
    import pandas as pd

    data = as_frame(data)
    if not hasattr(data, "columns"):
        rows = [tuple(row) for row in data]
        wrong = [index for index, row in enumerate(rows) if len(row) != 4]
        if wrong:
            raise ValueError(
                f"rows[{wrong[0]}] is {rows[wrong[0]]!r}, not a context, a question, choices and "
                "an answer."
            )
        names = ["context", "question", "choices", "answer"]
        data = pd.DataFrame(rows, columns=names)
    check_rows(data)
    check_columns(data, names[3:])
    contexts, questions, choices = choice_rows(data, names[:3])
    numbers = [
        _number(index, answer, each)
        for index, (answer, each) in enumerate(zip(data[names[3]], choices, strict=True))
    ]
    seconds = [
        [second_text(question, text) for text in each]
        for question, each in zip(questions, choices, strict=True)
    ]
    columns = {"context": contexts, "question": questions, "given": choices, "choices": seconds}
    return pd.DataFrame({**columns, "answer": numbers}, index=data.index)


def second_text(question: str, choice: str) -> str:
    """What stands beside the context: the question, a blank and the choice; or the choice."""
    return f"{question} {choice}" if question else choice


def _number(index: int, answer: Any, choices: Sequence[str]) -> int:
    """Which choice an answer is."""
    if isinstance(answer, str) and answer in choices:
        return choices.index(answer)
    if not isinstance(answer, str | bool) and answer in range(len(choices)):
        return int(answer)
    raise ValueError(
        f"the answer of row {index} is {answer!r}, which is none of its choices {choices!r}, nor "
        "the number of one."
    )


def sliding_window(context: str, question: str, choices: Sequence[str]) -> int:
    """The choice whose words, with those of the question, a stretch of the context shares most.

    The stretch is as long as they are; rare words of the context count more (Richardson et al.
    2013, §5.1).
    """
    from math import log

    words = re.findall(r"\w+", context.lower())
    rarity = {word: log(1 + 1 / words.count(word)) for word in set(words)}
    best, chosen = -1.0, 0
    for number, choice in enumerate(choices):
        wanted = set(re.findall(r"\w+", f"{question} {choice}".lower()))
        weights = [rarity[word] if word in wanted else 0.0 for word in words]
        width = max(1, len(wanted))
        found = sum(weights[:width])
        most = found
        for i in range(width, len(weights)):
            found += weights[i] - weights[i - width]
            most = max(most, found)
        if most > best + 1e-9:
            best, chosen = most, number
    return chosen
