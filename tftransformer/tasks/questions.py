"""Questions, their contexts and answers, as a table and as SQuAD's files."""

import json
import os
import pathlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tftransformer.data.columns import check_columns, short
from tftransformer.data.squad import squad_rows
from tftransformer.tasks.tables import as_frame

COLUMNS = ("question", "context", "answers")
ANSWER, START = "answer", "start"


def squad_table(data: Any) -> Any:
    """Returns a DataFrame of SQuAD's json (1.1 or 2.0), a path or what is read of it.

    Columns: `id`, `question`, `context`, and `answers`, a list of dicts of `text` and
    `answer_start`, empty where there is none.

    Raises:
        ValueError: if it is no such file.
    """
    import pandas as pd

    if isinstance(data, str | os.PathLike):
        path = pathlib.Path(data)
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(
                f"{path} is not SQuAD's json, nor any other ({error}). A table is read before: "
                f"fit(read_table({str(path)!r}))."
            ) from error
    return pd.DataFrame(squad_rows(data))


def question_table(
    data: Any, question: Any, context: Any, answer: Any, start: Any = None
) -> tuple[Any, list[list[str]]]:
    """Returns a DataFrame of questions, contexts and places, and all right answers of each row.

    Args:
        data: a DataFrame, dicts in a list, or SQuAD's json: a path or a dict.
        question, context: names of its columns.
        answer: name of the column of answers: texts, whose places the column `start` has; or lists
            of dicts of `text` and `answer_start`; or such a dict of lists. "" , None and an empty
            list mean that there is none. "answers", as tables of SQuAD call it, is found, too.
        start: name of the column of first characters; "start", the usual one, need not be there.

    Raises:
        ValueError: if an answer does not stand in its context; it names the row.
    """
    import pandas as pd

    data = as_frame(data)
    if isinstance(data, str | os.PathLike | Mapping):
        data, answer = squad_table(data), COLUMNS[-1]
    elif not hasattr(data, "columns"):
        raise TypeError(
            f"data is of type {type(data).__name__}; expected a DataFrame with the columns "
            f"{question!r}, {context!r} and {answer!r}, a list of dicts that have them, or SQuAD's "
            "json, a path or a dict."
        )
    elif answer == ANSWER and answer not in data.columns and COLUMNS[-1] in data.columns:
        answer = COLUMNS[-1]
    named = [] if start in (None, START) else [start]  # the usual one may be lacking
    asked = [question, context, answer, *named]
    check_columns(data, asked, "Name the columns where you call it.")
    starts = data[start].tolist() if start in data.columns else [None] * len(data)
    places, texts = [], []
    rows = zip(data[context].tolist(), data[answer].tolist(), starts, strict=True)
    for number, (text, given, at) in enumerate(rows):
        try:
            found = _answers(given, at)
            places.append(_place(text, found) if isinstance(text, str) else ())
        except ValueError as error:
            raise ValueError(f"row {number}: {error}") from error
        texts.append([answer for answer, _ in found])
    frame = data[[question, context]].copy()
    frame[answer] = pd.Series(places, index=frame.index, dtype=object)
    return frame, texts


def _answers(given: Any, start: Any) -> list[tuple[str, Any]]:
    """Texts and first characters."""
    if hasattr(given, "tolist"):
        given = given.tolist()
    if given is None or given == "" or (isinstance(given, float) and given != given):
        return []
    if isinstance(given, str):
        return [(given, start)]
    if isinstance(given, Mapping):
        starts = given.get("answer_start", [None] * len(given["text"]))
        return list(zip(given["text"], starts, strict=True))
    if isinstance(given, Sequence) and all(isinstance(each, Mapping) for each in given):
        return [(each["text"], each.get("answer_start", each.get("start"))) for each in given]
    raise ValueError(
        f"answer {short(given)}: expected a text, or a list of dicts of text and answer_start."
    )


def _place(context: str, answers: list[tuple[str, Any]]) -> tuple[int, ...]:
    """Where the first answer stands, or ()."""
    if not answers:
        return ()
    text, given = answers[0]
    is_given = given is not None and given == given
    start = int(given) if is_given else context.find(text)
    if start < 0 or not text.strip() or context[start : start + len(text)] != text:
        where = f"at character {start} of" if is_given else "in"
        if re.match(r"[\[{].*\banswer_start\b", text, re.DOTALL):
            raise ValueError(
                f"the answer {short(text)} is a list or dict that a file has turned into a "
                "string: keep such rows in .jsonl or .parquet, or read it with ast.literal_eval."
            )
        raise ValueError(
            f"the answer {short(text, 80)} does not stand {where} its context: an answer is a part "
            "of it, letter by letter. Leave the row out, or give '' where there is no answer."
        )
    return start, start + len(text)


def sliding_window(questions: Sequence[str], contexts: Sequence[str], most: int = 4) -> list[str]:
    """Answers by counting: words of no question, amid words of it (Richardson et al. 2013).

    Rare words count more: a word weighs the logarithm of the inverse of its share.
    """
    pattern = re.compile(r"\w+")
    counts = Counter(word for text in set(contexts) for word in pattern.findall(text.lower()))
    total = sum(counts.values()) or 1
    found = []
    for question, context in zip(questions, contexts, strict=True):
        asked = set(pattern.findall(question.lower()))
        places = [match.span() for match in pattern.finditer(context)]
        words = [context[start:end].lower() for start, end in places]
        weights = np.array([np.log1p(total / counts[word]) for word in words] or [0.0])
        shared = np.array([word in asked for word in words] or [False])
        near = np.hanning(23)[1:-1]
        around = np.convolve(weights * shared, near)[len(near) // 2 :][: len(weights)]
        own = np.where(shared, -5.0, 0.1 * weights) + around / (most + 1)
        sums = np.concatenate([[0], np.cumsum(own)])
        best = max(
            ((sums[j] - sums[i]) / (j - i) ** 0.5, i, j)
            for i in range(len(own))
            for j in range(i + 1, min(i + most, len(own)) + 1)
        )
        found.append(context[places[best[1]][0] : places[best[2] - 1][1]] if places else "")
    return found
