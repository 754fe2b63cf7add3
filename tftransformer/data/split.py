"""Splits a table so that nothing of the one side stands on the other."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

NO_KIND = -1


def split_rows(
    texts: Sequence[Any],
    test_size: float | int,
    seed: int,
    strata: Sequence[int] | np.ndarray | None = None,
    labels: Sequence[Any] = (),
) -> tuple[np.ndarray, np.ndarray]:
    """Splits rows at random; those with the same text stay on the same side.

    Args:
        texts: the text of each row.
        test_size: fraction, or number, of the different texts.
        seed: seed of the split.
        strata: the kind of each row, -1 for none; both sides keep the share of each kind. The kind
            of a text is that of its first row. None: no kinds.
        labels: what to call the kind of each row.

    Returns:
        `(train, test)`, the numbers of the rows, in order.

    Raises:
        ValueError: `test_size` leaves one of the two, or one of the kinds, without a text.
    """
    import pandas as pd
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    groups, _ = pd.factorize(np.array(texts, object), use_na_sentinel=False)
    count = int(groups.max()) + 1
    kinds = None
    if strata is not None:
        first = np.unique(groups, return_index=True)[1]
        kinds = np.asarray(strata)[first]
        if (kinds == NO_KIND).sum() == 1:
            kinds[kinds == NO_KIND] = np.bincount(kinds[kinds != NO_KIND]).argmax()
        rare = [kind for kind, texts_of_it in Counter(kinds.tolist()).items() if texts_of_it == 1]
        if rare:
            named = [labels[first[np.flatnonzero(kinds == kind)[0]]] for kind in rare[:3]]
            raise ValueError(
                f"one text alone has the label {' or '.join(map(repr, named))}: it cannot stand on "
                "both sides of a split. Add rows, leave them out, or split by hand: a task's fit "
                "takes a table as validation, and 0 for none."
            )
    splitter = ShuffleSplit if kinds is None else StratifiedShuffleSplit
    try:
        split = splitter(n_splits=1, test_size=test_size, random_state=seed)
        _, chosen = next(split.split(np.arange(count), kinds))
    except ValueError:
        why = "" if kinds is None else f" of {len(np.unique(kinds))} classes"
        raise ValueError(
            f"{test_size!r} of {count} different texts{why} cannot be held out: give a fraction "
            "between 0 and 1, or a number of texts, that leaves some on both sides."
        ) from None
    in_test = np.isin(groups, chosen)
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)
