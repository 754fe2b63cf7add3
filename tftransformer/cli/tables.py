"""Tables of sentence pairs that a command is given."""

from typing import Any


def read_pairs(path: str, source: str, target: str) -> Any:
    """Reads a table and sees that it has texts in both columns.

    Raises:
        ValueError: it has not; the message begins with the path.
    """
    from tftransformer import read_table
    from tftransformer.data import take_texts

    frame = read_table(path)
    try:
        take_texts(frame, [source, target])
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    return frame
