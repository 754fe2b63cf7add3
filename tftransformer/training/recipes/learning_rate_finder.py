"""The range test of learning rates."""

import dataclasses
import math
from typing import Any

import keras
import numpy as np

from tftransformer.core import check_ints, check_numbers, require
from tftransformer.training.trainer import Trainer


@dataclasses.dataclass(frozen=True)
class LearningRates:
    """What `find_learning_rate` found; `visualize.learning_rate_curve` draws it.

    Attributes:
        rates: float (updates,), rising.
        losses: float (updates,), that of the batch before it was learnt from at that rate.
    """

    rates: np.ndarray
    losses: np.ndarray

    @property
    def smoothed(self) -> np.ndarray:
        """Means of `losses` over a twentieth of the updates around each: float (updates,)."""
        window = np.ones(1 + 2 * (len(self.losses) // 40))
        sums = np.convolve(self.losses, window, "same")
        return sums / np.convolve(np.ones_like(self.losses), window, "same")

    @property
    def suggestion(self) -> float:
        """A tenth of the rate at which `smoothed` is lowest.

        There the loss still falls, and training is not near to where it diverges.
        """
        return float(self.rates[self.smoothed.argmin()]) / 10


def find_learning_rate(
    model: keras.Model,
    train: Any,
    *,
    lowest: float = 1e-6,
    highest: float = 1.0,
    updates: int = 100,
    optimizer: keras.optimizers.Optimizer | None = None,
    **options: Any,
) -> LearningRates:
    """Trains with a rate that rises from update to update, and records the loss.

    The range test of Smith (2017, §3.3), with rates in equal ratios. It ends early if the loss is
    not finite, or four times its lowest. The model is restored afterwards, its dropout seeds
    included.

    Args:
        model: the model to train.
        train: batches, as for `Trainer`; read again if there are fewer than `updates`.
        lowest: the first rate.
        highest: the last rate.
        updates: largest number of updates.
        optimizer: optimizer whose settings are used, except for its rate; it is not changed itself.
            Default: Adam, as in `Trainer`.
        **options: further arguments of `Trainer`, such as `loss`, `clip_norm`, `step` or
            `gradients`.

    Raises:
        ValueError: the numbers, or what `Trainer` is given, do not fit.

    Example:

    >>> ids = np.arange(96).reshape(16, 6) % 7
    >>> train = tf.data.Dataset.from_tensor_slices((ids, ids, np.ones(ids.shape))).batch(4)
    >>> model = keras.Sequential([keras.layers.Embedding(7, 8), keras.layers.Dense(7)])
    >>> found = find_learning_rate(model, train, updates=30)
    >>> len(found.rates) == len(found.losses), 1e-7 < found.suggestion <= 0.1
    (True, True)
    """
    check_ints(2, updates=updates)
    check_numbers(0, lowest=lowest, highest=highest)
    require(lowest < highest, "lowest", lowest, f"less than highest={highest}")
    rise = keras.optimizers.schedules.ExponentialDecay(lowest, updates - 1, highest / lowest)
    optimizer = optimizer or keras.optimizers.Adam(beta_2=0.98, epsilon=1e-9)
    optimizer = type(optimizer).from_config({**optimizer.get_config(), "learning_rate": rise})
    before = [(variable, variable.numpy()) for variable in model.variables]
    watch = _Losses()
    options = {"verbose": 0, **options, "callbacks": [*options.get("callbacks", ()), watch]}
    trainer = Trainer(model, train, optimizer=optimizer, epochs=updates, steps=updates, **options)
    before = before or [(variable, variable.numpy()) for variable in model.variables]
    watch.scores = trainer._loop.steps.training
    try:
        trainer.train()
    finally:
        model.stop_training = False
        for variable, value in before:
            variable.assign(value)
    losses = np.array(watch.losses)
    return LearningRates(
        lowest * (highest / lowest) ** (np.arange(len(losses)) / (updates - 1)), losses
    )


class _Losses(keras.callbacks.Callback):
    """Keeps the loss of each batch by itself, and stops where it diverges."""

    scores: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.scores.reset()  # which else are those of the epoch so far

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = float((logs or {})["loss"])
        if not math.isfinite(loss) or loss > 4 * min(self.losses, default=loss):
            self.model.stop_training = True
        else:
            self.losses.append(loss)
