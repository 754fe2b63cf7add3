"""Probabilities of classes in a table."""

from typing import Any

import pandas as pd


class Probabilities(pd.DataFrame):
    """A DataFrame that answers as an array where it is asked as one.

    scikit-learn's scorers take the column of a class by its place, `found[:, 1]`.
    """

    @property
    def _constructor(self) -> type[pd.DataFrame]:  # what is cut out of it is a plain table
        return pd.DataFrame

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple) and len(key) == 2 and isinstance(key[0], slice):
            return self.to_numpy()[key]
        return super().__getitem__(key)
