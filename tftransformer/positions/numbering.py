"""Position numbers that differ from the column numbers."""

from typing import Any

from keras import ops


def token_positions(is_token: Any) -> Any:
    """Numbers the real tokens of each row 0, 1, 2, …, wherever the padding stands.

    Padding gets the number −1: with `LearnedPositions(offset=1)` or more it has a vector of its own
    (RoBERTa, Liu et al. 2019).

    Args:
        is_token: bool tensor (batch, length), True = a real token.

    Returns:
        int32 tensor (batch, length).
    """
    is_token = ops.cast(is_token, "int32")
    return ops.cumsum(is_token, axis=1) * is_token - 1
