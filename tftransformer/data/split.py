"""Splits a table so that nothing of the one side stands on the other."""

import warnings
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
            of a text is that of its first row. A text that is alone of its kind is for training,
            which is warned of. None: no kinds.
        labels: what to call the kind of each row.

    Returns:
        `(train, test)`, the numbers of the rows, in order.

    Raises:
        ValueError: `test_size` leaves one of the two without a text, or no two texts are of a kind.
    """
    import pandas as pd
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    groups, _ = pd.factorize(np.array(texts, object), use_na_sentinel=False)
    count = int(groups.max()) + 1
    kinds, several = None, np.arange(count)
    if strata is not None:
        first = np.unique(groups, return_index=True)[1]
        kinds = np.asarray(strata)[first]
        if (kinds == NO_KIND).sum() == 1:
            kinds[kinds == NO_KIND] = np.bincount(kinds[kinds != NO_KIND]).argmax()
        counts = Counter(kinds.tolist())
        alone = np.array([counts[kind] == 1 for kind in kinds.tolist()])
        if alone.any():
            named = " or ".join(repr(labels[row]) for row in first[alone][:3])
            if alone.all():
                raise ValueError(
                    f"one text alone has the label {named}: it cannot stand on both sides of a "
                    "split. Add rows, leave them out, or split by hand: a task's fit takes a table "
                    "as validation, and 0 for none."
                )
            warnings.warn(
                f"one text alone has the label {named}: it is for training, and whether the label "
                "is found is not measured.",
                stacklevel=3,
            )
        several, kinds = several[~alone], kinds[~alone]
    splitter = ShuffleSplit if kinds is None else StratifiedShuffleSplit
    try:
        split = splitter(n_splits=1, test_size=test_size, random_state=seed)
        _, chosen = next(split.split(several, kinds))
    except ValueError:
        why = "" if kinds is None else f" of {len(np.unique(kinds))} classes"
        raise ValueError(
            f"{test_size!r} of {count} different texts{why} cannot be held out: give a fraction "
            "between 0 and 1, or a number of texts, that leaves some on both sides."
        ) from None
    in_test = np.isin(groups, several[chosen])
    return np.flatnonzero(~in_test), np.flatnonzero(in_test)
