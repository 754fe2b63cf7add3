"""Plots of the loss against the learning rate."""

from pathlib import Path
from typing import Any


def learning_rate_curve(found: Any, path: str | Path | None = None) -> Any:
    """Draws the loss against the learning rate, and the suggested rate.

    Args:
        found: what `recipes.find_learning_rate` returned.
        path: file to write (.png, .svg, .pdf); its folder is created.

    Returns:
        `matplotlib.figure.Figure`, unknown to pyplot, that a notebook shows when it is the last
        line of a cell.

    Example:

    >>> found = tt.recipes.LearningRates(np.geomspace(1e-4, 1, 5), np.array([3, 3, 2, 1, 4.0]))
    >>> round(found.suggestion, 6)
    0.01
    >>> figure = learning_rate_curve(found, "plots/rates.png")
    """
    from tftransformer.visualize.figure import Plot

    figure = Plot(4.8, 3.6)
    figure.set_layout_engine("constrained")
    axes = figure.subplots()
    axes.plot(found.rates, found.losses, color="#0072B2", alpha=0.3, linewidth=1, label="batch")
    axes.plot(found.rates, found.smoothed, color="#0072B2", linewidth=1.6, label="mean")
    label = f"suggested {found.suggestion:.2g}"
    axes.axvline(found.suggestion, color="#D55E00", linestyle="--", label=label)
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    axes.grid(True, color="0.5", alpha=0.2, linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=9, frameon=False)
    if path is not None:
        figure.save(path)
    return figure
