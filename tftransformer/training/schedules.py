"""Learning-rate schedules with warm-up; step 0 is the first update."""

import math
from typing import Any

import keras
from keras import ops

from tftransformer.core.registration import register

Schedule: Any = keras.optimizers.schedules.LearningRateSchedule


@register
class CustomSchedule(Schedule):
    """Warm-up, then decay with the inverse square root of the step (Vaswani et al. 2017, eq. 3).

    `d_model^-0.5 · min(step^-0.5, step · warmup_steps^-1.5)`: linear for `warmup_steps` steps,
    highest there at `(d_model · warmup_steps)^-0.5`, and 0 at step 0.

    Args:
        d_model: int, width of the model. Wider models get smaller rates.
        warmup_steps: int, number of updates before the decay begins.

    Example:

    >>> schedule = CustomSchedule(d_model=512, warmup_steps=4000)
    >>> optimizer = keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9)
    """

    def __init__(self, d_model: int, warmup_steps: int = 4000):
        super().__init__()
        self.d_model = _positive_int("d_model", d_model)
        self.warmup_steps = _positive_int("warmup_steps", warmup_steps)

    def __call__(self, step: Any) -> Any:
        rise, decay = _rise(step, self.warmup_steps), _inverse_root(step, self.warmup_steps)
        return ops.minimum(rise, decay) / math.sqrt(self.d_model * self.warmup_steps)

    def get_config(self) -> dict[str, Any]:
        return {"d_model": self.d_model, "warmup_steps": self.warmup_steps}


@register
class InverseSquareRootSchedule(Schedule):
    """Linear warm-up to `peak`, then `peak · (warmup_steps / step)^0.5`.

    `CustomSchedule` with the peak named instead of derived from the width.

    Args:
        peak: float, the highest rate, reached at step `warmup_steps`.
        warmup_steps: int, number of updates before the decay begins.
    """

    def __init__(self, peak: float, warmup_steps: int = 4000):
        super().__init__()
        self.peak = _positive("peak", peak)
        self.warmup_steps = _positive_int("warmup_steps", warmup_steps)

    def __call__(self, step: Any) -> Any:
        rise, decay = _rise(step, self.warmup_steps), _inverse_root(step, self.warmup_steps)
        return self.peak * ops.minimum(rise, decay)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "warmup_steps": self.warmup_steps}


class _FiniteSchedule(Schedule):
    """Warm-up to `peak`, then a decay that reaches `final` at `total_steps` and stays there."""

    def __init__(self, peak: float, total_steps: int, warmup_steps: int = 0, final: float = 0.0):
        super().__init__()
        self.peak = _positive("peak", peak)
        self.total_steps = _positive_int("total_steps", total_steps)
        self.warmup_steps = _positive_int("warmup_steps", warmup_steps) if warmup_steps else 0
        self.final = float(final)
        if self.warmup_steps >= self.total_steps:
            raise ValueError(
                f"warmup_steps={warmup_steps} must lie between 0 and total_steps={total_steps}, "
                "which counts the warm-up too."
            )
        if not 0 <= self.final <= self.peak:
            raise ValueError(f"final={final} must lie between 0 and peak={peak}.")

    def __call__(self, step: Any) -> Any:
        length = self.total_steps - self.warmup_steps
        progress = (ops.cast(step, "float32") - self.warmup_steps) / length
        left = self._left(ops.clip(progress, 0.0, 1.0))
        rate = self.final + (self.peak - self.final) * left
        if not self.warmup_steps:
            return rate
        return ops.minimum(rate, self.peak * _rise(step, self.warmup_steps))

    def _left(self, progress: Any) -> Any:
        """The part of the way from `final` to `peak` that is left: 1 → 0."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
            "final": self.final,
        }


@register
class LinearSchedule(_FiniteSchedule):
    """Linear warm-up to `peak`, then a straight line down to `final` (Devlin et al. 2019).

    Args:
        peak: float, the highest rate, reached at step `warmup_steps`.
        total_steps: int, number of updates in all, the warm-up included.
        warmup_steps: int, number of updates on the way up.
        final: float, rate at `total_steps` and after.
    """

    def _left(self, progress: Any) -> Any:
        return 1.0 - progress


@register
class CosineSchedule(_FiniteSchedule):
    """Linear warm-up to `peak`, then half a cosine wave down to `final` (Loshchilov & Hutter 2017).

    Args:
        peak: float, the highest rate, reached at step `warmup_steps`.
        total_steps: int, number of updates in all, the warm-up included.
        warmup_steps: int, number of updates on the way up.
        final: float, rate at `total_steps` and after.
    """

    def _left(self, progress: Any) -> Any:
        return 0.5 * (1.0 + ops.cos(math.pi * progress))


def _rise(step: Any, warmup_steps: int) -> Any:
    return ops.cast(step, "float32") / warmup_steps


def _inverse_root(step: Any, warmup_steps: int) -> Any:
    # Step 0 is read as 1 to stay finite; the rise is smaller there.
    return ops.sqrt(warmup_steps / ops.maximum(ops.cast(step, "float32"), 1.0))


def _positive(name: str, value: Any) -> float:
    # A plain number: a tensor in the config could not be serialised.
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be a positive number, got {value!r}.")
    return number


def _positive_int(name: str, value: Any) -> int:
    if _positive(name, value) != int(value):
        raise ValueError(f"{name} must be a whole number, got {value!r}.")
    return int(value)
