"""AdamW for a training whose number of updates is known, and an average of its last weights."""

from typing import Any

import keras

from tftransformer.training.schedules import LinearSchedule


def averaged_adamw(peak: float, updates: int) -> keras.optimizers.Optimizer:
    """Returns AdamW on a line up and down, with a moving average of the weights.

    The rate rises for a twentieth of the updates (Devlin et al. 2019). The average reaches over
    the last twentieth, however short the training is, and over 100 updates at most (Polyak and
    Juditsky 1992); it is what the model has at the end.

    Args:
        peak: the highest rate.
        updates: how many there will be.

    Example:

    >>> averaged_adamw(1e-3, updates=500).ema_momentum
    0.96
    """
    schedule = LinearSchedule(peak, updates + 1, max(1, updates // 20))
    momentum: Any = min(0.99, max(0.0, 1 - 20 / updates))
    return keras.optimizers.AdamW(schedule, weight_decay=0.01, use_ema=True, ema_momentum=momentum)
