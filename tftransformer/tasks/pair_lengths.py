"""How much of a source is read, and how much is written of it."""

from typing import Any

from tftransformer.tasks.checks import check_number

# Most tokens of a source in an export, where neither model nor person sets a limit: what attention
# costs grows with the square of the length, and a server takes what strangers send.
SERVED_LENGTH = 512
# Most tokens that are written where the model knows any number of positions, and nothing else
# sets a limit.
MOST = 1024
# Tokens that may be written of any source, where nothing else sets a limit.
WRITTEN = 128


def source_limit(asked: int | None, of_folder: int | None, positions: int | None) -> int | None:
    """Returns most tokens of a source: as was asked, else what folder and model know, or None.

    Raises:
        ValueError: if more were asked for than the positions that the model knows.
    """
    if asked is not None:
        check_number("max_source_length", asked, 2, positions)
        return asked
    return min((known for known in (positions, of_folder) if known), default=None)


def written_limit(
    how: Any, source: int | None, positions: int | None, growth: int
) -> tuple[int, bool]:
    """Returns most tokens of what is written for a source, and whether a short one has fewer.

    Args:
        how: a `Generation`, which may say how many.
        source: most tokens of a source, or None.
        positions: how many the model knows, or None.
        growth: tokens that may be written for each one of the source, where `how` says nothing.

    Raises:
        ValueError: if `how` says more than the positions that the model knows.
    """
    most = how.max_new_tokens
    if most is None and how.max_length is not None:
        most = max(1, how.max_length - 1)  # the start token counts
    if most is not None:
        check_number("max_length", most, 1, positions)
        return most, False
    most = MOST if source is None else max(WRITTEN, growth * source)
    return min(most, positions or most), True
