"""A grid of attention matrices with a label for each token."""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Any

import numpy as np

from tftransformer.visualize.figure import Plot
from tftransformer.visualize.labels import families, longest_inches, readable

_GAP = 0.25  # inches between panels, and from a panel to its colour bar


def draw_grid(
    panels: Any,
    query_tokens: Sequence[str],
    key_tokens: Sequence[str],
    query_name: str,
    key_name: str,
    title: str | None,
) -> Any:
    """Draws matrices side by side, on one colour scale from 0 to the largest weight.

    Sizes are reckoned in inches from the tokens outwards, so that each row and column is as
    wide as its label needs, however many there are.

    Args:
        panels: dict of panel title → float array (queries, keys).
        query_tokens: `queries` strings, the labels from top to bottom.
        key_tokens: `keys` strings, the labels from left to right.
        query_name: what the rows are.
        key_name: what the columns are.
        title: heading over all panels, or None.

    Returns:
        `Plot`.
    """
    query_labels = [readable(token) for token in query_tokens]
    key_labels = [readable(token) for token in key_tokens]
    rows, columns = len(query_labels), len(key_labels)
    cell = np.interp(max(rows, columns), [10, 40], [0.28, 0.155])
    size = min(10, 0.75 * 72 * cell)

    root = ceil(sqrt(len(panels)))
    across = min(root, root + 1, key=lambda count: -len(panels) % count)
    down = ceil(len(panels) / across)
    left = longest_inches(query_labels, size) + 0.4
    below = longest_inches(key_labels, size) + 0.4
    width, height = columns * cell, rows * cell
    # Narrow panels keep room for their title.
    pitch_x = left + max(width, longest_inches(panels, 11)) + _GAP
    pitch_y = below + height + _GAP + 0.2
    heading = 0.3 if title else 0
    total_x, total_y = across * pitch_x + 0.6, down * pitch_y + heading
    figure = Plot(total_x, total_y)

    top = max(matrix.max() for matrix in panels.values()) or 1.0
    for index, (name, matrix) in enumerate(panels.items()):
        x = index % across * pitch_x + left
        y = total_y - heading - (index // across + 1) * pitch_y + below
        axes = figure.add_axes((x / total_x, y / total_y, width / total_x, height / total_y))
        image = axes.imshow(
            matrix,
            cmap="Blues",
            vmin=0,
            vmax=top,
            aspect="auto",
            interpolation="nearest",
            origin="upper",
        )
        axes.set_title(name, fontsize=11, pad=6)
        text: Any = {
            "fontsize": size,
            "family": families(),
            "parse_math": False,
            "usetex": False,
        }
        axes.set_xticks(range(columns), key_labels, rotation=90, **text)
        axes.set_yticks(range(rows), query_labels, **text)
        axes.set_xlabel(key_name, fontsize=10, color="0.45")
        axes.set_ylabel(query_name, fontsize=10, color="0.45")
        _rule(axes, rows, columns)
    bar_height = min(height, 3.0)
    bar = figure.add_axes(
        (
            (across * pitch_x) / total_x,
            (total_y - heading - pitch_y + below + height - bar_height) / total_y,
            0.14 / total_x,
            bar_height / total_y,
        )
    )
    figure.colorbar(image, cax=bar)
    bar.tick_params(labelsize=9, length=2)
    bar.grid(False)
    if title:
        figure.suptitle(
            title,
            fontsize=13,
            y=1 - 0.1 / total_y,
            va="top",
            family=families(),
            parse_math=False,
        )
    return figure


def _rule(axes: Any, rows: Any, columns: Any) -> None:
    """Rules thin lines between the cells, to lead the eye from a label to its row."""
    axes.grid(False)
    axes.set_xticks(np.arange(columns - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(rows - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="0.88", linewidth=0.5)
    axes.tick_params(which="both", length=0, pad=3)
    for spine in axes.spines.values():
        spine.set_color("0.6")
        spine.set_linewidth(0.6)
