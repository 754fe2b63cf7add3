"""What every picture of attention asks of its weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def checked_weights(weights: Any, query_tokens: Sequence[str], key_tokens: Sequence[str]) -> Any:
    """Returns the weights as float64, or says why they cannot belong to these tokens.

    Args:
        weights: array (..., queries, keys), anything that numpy can read.
        query_tokens: sequence of `queries` strings.
        key_tokens: sequence of `keys` strings.

    Returns:
        numpy float64 array (..., queries, keys). Rows need not sum to 1: a query that may see
        nothing has a row of zeros.

    Raises:
        ValueError: the shape does not fit the tokens, or the values cannot be attention weights.
    """
    weights = np.asarray(weights).astype("float64")
    expected = (len(query_tokens), len(key_tokens))
    if weights.shape[-2:] != expected:
        raise ValueError(
            f"weights of shape {weights.shape} do not fit {expected[0]} query tokens (rows) and "
            f"{expected[1]} key tokens (columns): the last two axes must be {expected}. "
            "Cut the padding off the weights, or give a token for each position."
        )
    if not weights.size:
        raise ValueError(f"weights of shape {weights.shape} hold nothing to draw.")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(
            f"{np.isnan(weights).sum()} of {weights.size} weights are NaN, "
            f"{np.isinf(weights).sum()} infinite, {(weights < 0).sum()} negative: "
            "give the attention weights after the softmax, not the logits."
        )
    return weights
