"""Plots of training histories."""

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np


def training_curves(history: Any, path: str | Path | None = None) -> Any:
    """Draws loss, accuracy and learning rate against the epoch, training and validation.

    One panel each for the loss, for every accuracy, and for the learning rate: what is missing
    from the history is left out. The legend names the best validation value and its epoch.

    Args:
        history: what `fit` or `Trainer.train` returned, its dict of name → values for each
            epoch, a DataFrame, or the path of a file that `keras.callbacks.CSVLogger` wrote. A
            column `epoch` counts from 0, as Keras does. A validation series with fewer values
            than there are epochs (`validation_freq`) is spread evenly over them.
        path: file to write (.png, .svg, .pdf); its folder is created.

    Returns:
        `matplotlib.figure.Figure`, unknown to pyplot, that a notebook shows when it is the last
        line of a cell.

    Raises:
        ValueError: the history holds no loss, accuracy or learning rate, or no finite one.

    Example:

    ```python
    training_curves(trainer.train(), path="plots/training.png")
    training_curves("logs/training.csv")
    ```
    """
    series = _series(history)
    metrics = [
        name
        for name in dict.fromkeys(name.removeprefix("val_") for name in series)
        if name in ("loss", "learning_rate", "lr") or name.endswith(("accuracy", "acc"))
    ]
    if not metrics:
        raise ValueError(
            "the history holds no loss, accuracy or learning rate with a finite value (it has such "
            f"of: {', '.join(map(repr, series)) or 'nothing'}). Give what fit or Trainer.train "
            "returned, or the file of a CSVLogger."
        )
    order = {"loss": 0, "learning_rate": 2, "lr": 2}
    metrics.sort(key=lambda name: order.get(name, 1))

    from tftransformer.visualize.figure import Plot

    figure = Plot(4.8 * len(metrics), 3.6)
    figure.set_layout_engine("constrained", w_pad=0.12)
    epochs = _epochs(series)
    for axes, name in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        _panel(axes, name, epochs, series)
    if path is not None:
        figure.save(path)
    return figure


def _series(history: Any) -> Any:
    """Returns name → float array for each epoch, whatever the history came as."""
    if isinstance(history, str | os.PathLike):
        with open(history, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
        history = {name: [row[name] for row in rows] for name in reader.fieldnames or ()}
    elif hasattr(history, "history"):  # keras.callbacks.History
        history = {"epoch": getattr(history, "epoch", ()), **history.history}
    columns = {name: np.array([_number(value) for value in history[name]]) for name in history}
    return {name: column for name, column in columns.items() if np.isfinite(column).any()}


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):  # CSVLogger writes NA where an epoch has no value
        return np.nan


def _epochs(series: Any) -> Any:
    longest = max(map(len, series.values()))
    epochs = series.get("epoch", ())
    # People count from 1.
    return epochs + 1 if len(epochs) == longest else np.arange(1, longest + 1)


def _panel(axes: Any, name: str, epochs: Any, series: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    # Blue and vermilion of Okabe and Ito: told apart by every kind of colour vision.
    for key, label, style in (
        (name, "training", {"color": "#0072B2", "linestyle": "-"}),
        (f"val_{name}", "validation", {"color": "#D55E00", "linestyle": "--"}),
    ):
        if key not in series:
            continue
        values = series[key]
        step = len(epochs) // len(values)
        at = epochs[step - 1 :: step][: len(values)]
        if label == "validation":
            there = np.isfinite(values)  # of epochs without a validation there is nothing to draw
            at, values = at[there], values[there]
            best = values.argmin() if name == "loss" else values.argmax()
            label = f"validation (best {values[best]:.4g}, epoch {at[best]:g})"
        marker = "o" if len(values) <= 40 else None
        axes.plot(at, values, label=label, marker=marker, markersize=3.5, linewidth=1.6, **style)
    title = {"lr": "learning_rate"}.get(name, name).replace("_", " ")
    axes.set_title(title, fontsize=12, parse_math=False)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(True, color="0.5", alpha=0.2, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if title != "learning rate":
        axes.legend(fontsize=9, frameon=False)
