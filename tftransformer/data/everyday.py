"""The embedded corpus: everyday English and German with labels."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

PATH = Path(__file__).with_name("everyday.tsv.xz")
SIZE = 20_000


class EverydayCorpus(NamedTuple):
    """Three pandas DataFrames with the string columns "en", "de", "tense" and "kind"."""

    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame


def everyday_corpus(size: int = SIZE) -> EverydayCorpus:
    """Returns English–German sentence pairs of everyday life, with held-out compositions.

    A grammar made them, which is in the folder corpus/ of the source. The key of a clause is its
    verb, its subject and its objects, in whatever tense, number, order, negation or question. A
    hash of the key alone gives each clause to training, validation or test. So no clause of test or
    validation that is held out occurs in training in any form, no combination of two clauses does,
    and neither does any sentence, English or German. What is shared: set phrases ("because it was
    raining", "I think that …"), and a training clause may stand beside a held-out one. Every word
    of the held-out sentences occurs in the whole of training.

    An English sentence has exactly one translation: "you" is always "du"; the simple present and
    the progressive are Präsens; the past is Perfekt, but Präteritum for sein, haben and modal
    verbs; "will" is werden; a friend, a teacher or a doctor is a man. There are no duplicates.

    Two columns are labels: `tense`, "present", "past" or "future", when that happens which the
    sentence tells of; and `kind`, how it is built, one of 18, such as "statement", "when_question",
    "imperative", "reason", "relative".

    Args:
        size: training rows: the first so many of 20,000.

    Returns:
        `EverydayCorpus(train, validation, test)` with `size`, 500 and 500 rows.

    Raises:
        ValueError: if there are not so many.

    Example:

    >>> corpus = everyday_corpus()
    >>> corpus.train.shape, corpus.test.shape
    ((20000, 4), (500, 4))
    >>> corpus.train.iloc[0].to_dict()
    {'en': ..., 'de': ..., 'tense': ..., 'kind': ...}
    """
    if not 1 <= size <= SIZE:
        raise ValueError(
            f"everyday_corpus(size={size}): it holds {SIZE:,} training rows. The source has the "
            "grammar that makes more: python corpus/make.py --size …"
        )
    table = _table()
    parts = {split: part.drop(columns="split") for split, part in table.groupby("split")}
    parts = {split: part.reset_index(drop=True) for split, part in parts.items()}
    return EverydayCorpus(
        parts["train"].head(size).copy(), parts["validation"].copy(), parts["test"].copy()
    )


@functools.cache
def _table() -> pd.DataFrame:
    """All rows of the file."""
    import pandas as pd

    return pd.read_csv(PATH, sep="\t", quoting=3, dtype="str", keep_default_na=False)
