"""Rows of texts and labels in tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from tftransformer.core import check_numbers, is_number
from tftransformer.data.columns import check_columns, check_rows, is_unicode, short
from tftransformer.data.table import frame_of


def table(data: Any, labels: Any, text: Any, label: Any) -> tuple[Any, list[Any]]:
    """Returns a DataFrame of texts and labels, and the names of its columns, the label last.

    Args:
        data: a DataFrame with all columns, dicts that have them, or texts in any container, or
            pairs of them.
        labels: one for each text; None for a DataFrame.
        text: name of the column of texts, or a list of two.
        label: name of the column of labels.

    Raises:
        ValueError: if a column is not there, there is no row, or not one label for each.
    """
    import pandas as pd

    data = as_frame(data)
    known = list(getattr(data, "columns", ()))  # where a MultiIndex has names that are tuples
    names = [text] if isinstance(text, str | int) or text in known else list(text)
    if isinstance(labels, str):
        raise TypeError(
            f"labels={labels!r} is a string, not one label for each text: a column is named by "
            f"its argument, as in fit(frame, label={labels!r})."
        )
    if labels is None and not hasattr(data, "columns"):
        raise ValueError("give a DataFrame with texts and labels, or fit(texts, labels).")
    if labels is None:
        frame = data
        check_columns(frame, [*names, label])
    else:
        rows, labels = _texts(data, names), list(labels)
        if len(rows) != len(labels):
            raise ValueError(f"{len(rows)} texts and {len(labels)} labels: each text needs one.")
        if rows and isinstance(rows[0], tuple) and len(names) == 1:
            names = ["first", "second"]
        columns = zip(*rows, strict=True) if rows and len(names) > 1 else [rows]
        frame = pd.DataFrame(dict(zip(names, map(list, columns), strict=False)))
        frame[label] = pd.Series(labels, dtype=object)
    check_rows(frame)
    return frame, [*names, label]


def check_validation(validation: Any, columns: Sequence[Any]) -> None:
    """Raises unless this is what may be held out, before anything is learnt.

    Args:
        validation: a share of the rows, their number, nothing, or a DataFrame.
        columns: which the DataFrame has to have.
    """
    if hasattr(validation, "columns"):
        check_columns(validation, columns, "A table to validate has the columns that are learnt.")
        check_rows(validation, "the table to validate")
    elif validation is not None and not is_number(validation):
        raise TypeError(
            f"validation={short(validation)} was given, of type {type(validation).__name__}; "
            "expected a share of the rows, their number, 0 for none, or a DataFrame with the same "
            "columns."
        )


def documents(data: Any, column: Any, validation: Any) -> tuple[Any, Any]:
    """Returns a DataFrame of texts that have no labels, and what of them is held out.

    Args:
        data: a DataFrame with the column, dicts that have it, texts in any container, or one text.
        column: name of the column.
        validation: a share or a number of the texts, which is given back; of one text, a share of
            its characters, which becomes a DataFrame; or other texts.

    Raises:
        ValueError: if the column is not there, there is no text, or a share of one is not between
            0 and 1.
    """
    import pandas as pd

    is_share = isinstance(validation, Real) and not isinstance(validation, Integral)
    if isinstance(data, str) and is_share and validation:
        check_numbers(0, 1, validation=validation)
        data, rest = _parted(data, 1 - validation)
        validation = [rest]
    frames = []
    for given in (data, validation):
        given = [given] if isinstance(given, str) else as_frame(given)
        if not hasattr(given, "columns") and not isinstance(given, Real | None):
            given = pd.DataFrame({column: pd.Series(list(given), dtype=object)})
        if hasattr(given, "columns"):
            check_columns(given, [column], "Name it where you call fit.")
        frames.append(given)
    check_rows(frames[0])
    return frames[0], frames[1]


def rows_of(data: Any) -> list[Any]:
    """Returns the rows of a container.

    Raises:
        TypeError: if it is none, or one text, whose rows would be its letters.
    """
    if isinstance(data, str | bytes | Mapping) or not isinstance(data, Iterable):
        raise TypeError(
            f"{short(data)} was given, of type {type(data).__name__}; expected a DataFrame, or "
            "several rows in a list, tuple, array or Series."
        )
    return list(data)


def _parted(text: str, share: float) -> tuple[str, str]:
    """Parts a text behind a share of it, at the end of a line if there is one near."""
    place = int(len(text) * share)
    line = text.rfind("\n", place // 2, place)
    place = line + 1 if line >= 0 else place
    return text[:place], text[place:]


def texts_table(data: Any, *names: Any) -> tuple[Any, list[Any]]:
    """Returns a DataFrame of texts alone, and the names of its columns.

    Args:
        data: a DataFrame, or dicts, that have them; or texts, or tuples of as many as there are
            names.
        *names: of the columns.

    Raises:
        ValueError: if a column is not there, there is no row, or a row is not as many texts.
    """
    import pandas as pd

    data = as_frame(data)
    if not hasattr(data, "columns"):
        rows = [(row,) if isinstance(row, str) else tuple(row) for row in rows_of(data)]
        for index, row in enumerate(rows):
            if len(row) != len(names):
                raise ValueError(f"row {index} has {len(row)} texts, not {len(names)}: {row!r}.")
        data = pd.DataFrame(rows, columns=list(names))
    check_columns(data, names, "Name the columns where you call fit.")
    check_rows(data)
    return data, list(names)


def text_columns(
    texts: Any, names: Sequence[Any], pair: Sequence[Any] | None = None
) -> list[list[str]]:
    """Returns the texts of several rows, column by column.

    Args:
        texts: a DataFrame with the columns `names`; or strings, or as many of them in tuples as
            there are names, in any container.
        names: names of the columns.
        pair: names to take in their stead where the rows are pairs.

    Raises:
        TypeError: if this is no container of texts.
        ValueError: if a column is missing, or a row is not as many strings as there are names, or
            not of Unicode.
    """
    if hasattr(texts, "columns"):
        if pair is not None and set(pair) <= set(texts.columns):
            names = pair
        check_columns(texts, names, f"It was fitted with it. Or give {_others(names)}.")
        rows = list(zip(*(texts[name].tolist() for name in names), strict=True))
    elif isinstance(texts, str | bytes | Mapping) or not isinstance(texts, Iterable):
        raise TypeError(
            f"{short(texts)} was given, of type {type(texts).__name__}; expected "
            f"{_row_of(names)}, or several in a list, tuple, array or Series, or a DataFrame."
        )
    else:
        texts = texts.ravel().tolist() if isinstance(texts, np.ndarray) else texts
        rows = [row if is_pair(row) else (row,) for row in texts]
        if pair is not None and rows and len(rows[0]) == 2:
            names = pair
    for index, row in enumerate(rows):
        if len(row) != len(names) or not all(isinstance(text, str) for text in row):
            given = row if len(row) > 1 else row[0]
            import pandas as pd  # whoever asks of a list need not wait for it

            is_missing = pd.api.types.is_scalar(given) and pd.isna(given)
            advice = " Leave out rows without a text: frame.dropna()." if is_missing else ""
            raise ValueError(
                f"texts[{index}] is {short(given, 60)}, of type {type(given).__name__}; expected "
                f"{_row_of(names)}.{advice}"
            )
        for name, text in zip(names, row, strict=True):
            check_unicode(f"texts[{index}]" + f", {name!r}," * (len(names) > 1), text)
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]


def _row_of(names: Sequence[Any]) -> str:
    """What a row of texts is, in words."""
    if len(names) == 1:
        return "a string"
    return f"{len(names)} strings in a tuple, ({', '.join(map(str, names))})"


def _others(names: Sequence[Any]) -> str:
    """What may be given in the stead of a DataFrame, in words."""
    if len(names) == 1:
        return "one column alone, frame['…']"
    return f"tuples of {len(names)} strings: zip({', '.join(['frame[…]'] * len(names))})"


def as_frame(data: Any) -> Any:
    """Returns rows that are dicts, in a list or tuple, as a DataFrame; anything else as it is."""
    is_rows = isinstance(data, list | tuple) and len(data) > 0
    return frame_of(data) if is_rows and all(isinstance(r, Mapping) for r in data) else data


def with_words_joined(texts: Any, names: Sequence[Any], join: Callable[[Any], Any]) -> Any:
    """Returns rows of one text each, of which some came as lists of words.

    Args:
        texts: rows as a task gets them.
        names: names of the columns.
        join: makes a text of a list of words, and leaves other rows as they are.
    """
    if hasattr(texts, "columns"):
        check_columns(texts, names)
        texts = texts[names[0]]
    if isinstance(texts, str | bytes | Mapping | np.ndarray):
        return texts
    # In lists: a column of pandas makes plain strings of all that are strings.
    return [join(row) for row in texts]


def check_unicode(place: str, text: str) -> None:
    """Raises a ValueError for a text with half a surrogate pair, which no tokenizer can read."""
    if not is_unicode(text):
        raise ValueError(
            f"{place} holds half a surrogate pair, which is no Unicode text: {text!r}. "
            "Read its file with the right encoding, or drop it."
        )


def is_pair(row: Any) -> bool:
    """Whether a row is two texts."""
    return isinstance(row, tuple) and len(row) == 2 and all(isinstance(t, str) for t in row)


def with_index(values: list[Any], like: Any) -> Any:
    """Returns values in a list, or for a Series or DataFrame in a Series with its index."""
    if not hasattr(like, "iloc"):
        return values
    import pandas as pd

    return pd.Series(values, index=like.index)


def in_container(values: list[Any], like: Any, column: str | None = None) -> Any:
    """Returns answers, one for each row, in a container of the kind that the rows came in.

    Args:
        values: the answers; dicts, unless there is a `column` for them.
        like: a list or any other iterable (a list comes back), tuple, numpy array, Series or
            DataFrame, whose shape or index the answers take.
        column: name of what answers a DataFrame. Answers that are dicts make columns themselves,
            of a Series, too.
    """
    if isinstance(like, np.ndarray):
        return object_array(values).reshape(like.shape)
    if not hasattr(like, "iloc"):
        return tuple(values) if isinstance(like, tuple) else values
    if column is None:
        import pandas as pd

        return pd.DataFrame(values, index=like.index)
    series = with_index(values, like)
    return series.to_frame(column) if hasattr(like, "columns") else series.rename(like.name)


def label_array(labels: Sequence[Any]) -> np.ndarray:
    """Returns labels in an array (labels,), of objects where numpy has no type for all of them."""
    kinds = {type(label) for label in labels}
    if len(kinds) == 1 and kinds <= {str, bool, int, float}:
        return np.array(labels)
    return object_array(labels)


def object_array(values: Sequence[Any]) -> np.ndarray:
    """Returns any values in an array (values,) of objects."""
    array = np.empty(len(values), object)
    for i, value in enumerate(values):  # an assignment at once would look into lists
        array[i] = value
    return array


def probabilities(found: np.ndarray, labels: np.ndarray, like: Any) -> Any:
    """Returns probabilities (rows, labels) in a DataFrame, with the index of a table if it is one.

    Args:
        found: the probabilities.
        labels: labels of the columns.
        like: what was asked.
    """
    import pandas as pd

    from tftransformer.tasks.probabilities import Probabilities

    index = like.index if hasattr(like, "iloc") else None
    return Probabilities(found, index=index, columns=pd.Index(labels, tupleize_cols=False))


def ranked(
    scores: np.ndarray,
    labels: Sequence[Any],
    top_k: int | None = None,
    least: np.ndarray | None = None,
) -> Any:
    """Returns `label` and `score` of the best label, of those that are likely, or of the best.

    Args:
        scores: float array (labels,).
        labels: the labels.
        top_k: how many are wanted, in a list, best first; None: as `least` says.
        least: float array (labels,), the score from which on each label is answered, in two lists;
            None: only the best one is.
    """
    order = np.argsort(-scores, kind="stable")
    answers = [{"label": labels[i], "score": float(scores[i])} for i in order[:top_k]]
    if top_k is not None:
        return answers
    if least is None:
        return answers[0]
    kept = [answer for i, answer in zip(order, answers, strict=True) if scores[i] >= least[i]]
    return {name: [answer[name] for answer in kept] for name in ("label", "score")}


def _texts(data: Any, names: list[Any]) -> list[Any]:
    if hasattr(data, "columns"):
        given = list(zip(*(data[name] for name in names), strict=True))
        return given if len(names) > 1 else [row for (row,) in given]
    return [tuple(row) if isinstance(row, list) else row for row in rows_of(data)]


def with_prefix(frame: Any, column: Any, prefix: str) -> Any:
    """Returns a DataFrame, or None, of which each text of a column has a prefix.

    What is no text, or one of nothing but white space, stays as it is.
    """
    if frame is None or not prefix:
        return frame
    frame = frame.copy(deep=False)
    frame[column] = [
        prefix + text if isinstance(text, str) and text.strip() else text for text in frame[column]
    ]
    return frame
