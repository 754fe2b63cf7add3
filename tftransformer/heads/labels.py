"""Labels by number or by name."""

from collections.abc import Sequence


def number_of(labels: int | Sequence[str]) -> int:
    """Returns how many labels there are, given their number or their names."""
    number = labels if isinstance(labels, int) else len(labels)
    if number < 1 or isinstance(labels, str):
        raise ValueError(f"labels are their number, 1 or more, or a list of names, not {labels!r}")
    return number
