"""Arguments that are checked before they do harm far away."""


def check_numbers(kind, **values) -> None:
    """Raises a ValueError for a value that is no positive number of this kind.

    Args:
        kind: `numbers.Integral` or `numbers.Real`; `| None` where None is a value, too.
        **values: the values by name.
    """
    for name, value in values.items():
        if not isinstance(value, kind) or (value is not None and not value > 0):
            what = "number" if isinstance(0.5, kind) else "whole number"
            raise ValueError(f"{name}={value!r}: expected a positive {what}.")
