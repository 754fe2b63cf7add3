"""Learning-rate schedules with warm-up; step 0 is the first update."""

import inspect
import math
from typing import Any

import keras
from keras import ops

from tftransformer.core import register

_KerasSchedule: Any = keras.optimizers.schedules.LearningRateSchedule


class Schedule(_KerasSchedule):
    """Base of the schedules: each argument of the constructor is an attribute and is saved."""

    def get_config(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}


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


@register
class InverseSquareRootSchedule(Schedule):
    """Linear warm-up to `peak`, then `peak · (warmup_steps / step)^0.5`.

    Like `CustomSchedule`, with the peak given instead of derived from the width.

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


@register
class LinearSchedule(_FiniteSchedule):
    """Linear warm-up to `peak`, then a straight line down to `final` (Devlin et al. 2019).

    Args:
        peak: float, the highest rate, reached at step `warmup_steps`.
        total_steps: int, number of updates in all, the warm-up included.
        warmup_steps: int, number of updates on the way up.
        final: float, rate from `total_steps` on.
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
        final: float, rate from `total_steps` on.
    """

    def _left(self, progress: Any) -> Any:
        return 0.5 * (1.0 + ops.cos(math.pi * progress))


@register
class SlantedTriangularSchedule(Schedule):
    """A short linear rise to `peak`, then a long fall to `peak / ratio` (Howard & Ruder 2018).

    Their eq. 3: `peak · (1 + p · (ratio - 1)) / ratio`, with `cut = ⌊total_steps · cut_fraction⌋`,
    `p = step / cut` before it and `1 - (step - cut) / (total_steps - cut)` after it. (They print
    `cut · (1 / cut_fraction - 1)` for the latter's divisor, the same but for the rounding of cut.)
    After `total_steps` the rate is constant.

    Args:
        peak: float, the highest rate, reached at step `cut`.
        total_steps: int, number of updates in all.
        cut_fraction: float, the fraction of the updates in which the rate rises.
        ratio: float, the highest rate divided by the lowest.

    Example:

    >>> schedule = SlantedTriangularSchedule(0.01, total_steps=100)
    >>> [round(float(schedule(step)), 5) for step in (0, 10, 100)]
    [0.00031, 0.01, 0.00031]
    """

    def __init__(
        self, peak: float, total_steps: int, cut_fraction: float = 0.1, ratio: float = 32.0
    ):
        super().__init__()
        self.peak = _positive("peak", peak)
        self.total_steps = _positive_int("total_steps", total_steps)
        self.cut_fraction = _share("cut_fraction", cut_fraction)
        self.ratio = _positive("ratio", ratio)
        if self.ratio < 1:
            raise ValueError(f"ratio={ratio} must be 1 or more: the peak by the lowest rate.")

    def __call__(self, step: Any) -> Any:
        cut = math.floor(self.total_steps * self.cut_fraction)
        step = ops.cast(step, "float32")
        up = step / max(cut, 1) if cut else 1.0
        down = ops.maximum(1.0 - (step - cut) / (self.total_steps - cut), 0.0)
        return self.peak * (1.0 + ops.minimum(up, down) * (self.ratio - 1.0)) / self.ratio


@register
class OneCycleSchedule(Schedule):
    """One cycle: linearly up, down again, and further down to almost 0 (Smith 2018, §4.2).

    The rate goes linearly from `peak / start_ratio` to `peak` and back in the same time, then in
    the last `final_fraction` of the updates down to `peak / final_ratio`, where it stays. Smith
    also lowers the momentum while the rate rises; a schedule does not.

    Args:
        peak: float, the highest rate: one that `find_learning_rate` shows to be still stable.
        total_steps: int, number of updates in all.
        start_ratio: float, the peak divided by the first rate.
        final_ratio: float, the peak divided by the last rate; Smith: several orders of magnitude.
        final_fraction: float, the fraction of the updates after the cycle.

    Example:

    >>> schedule = OneCycleSchedule(0.1, total_steps=100)
    >>> [round(float(schedule(step)), 6) for step in (0, 45, 90, 100)]
    [0.01, 0.1, 0.01, 1e-05]
    """

    def __init__(
        self,
        peak: float,
        total_steps: int,
        start_ratio: float = 10.0,
        final_ratio: float = 1e4,
        final_fraction: float = 0.1,
    ):
        super().__init__()
        self.peak = _positive("peak", peak)
        self.total_steps = _positive_int("total_steps", total_steps)
        self.start_ratio = _positive("start_ratio", start_ratio)
        self.final_ratio = _positive("final_ratio", final_ratio)
        self.final_fraction = _share("final_fraction", final_fraction)
        if not 1 <= self.start_ratio <= self.final_ratio:
            raise ValueError(
                f"start_ratio={start_ratio} must be 1 or more, and final_ratio={final_ratio} not "
                "less than it: the rate ends below where it began."
            )

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        cycle = self.total_steps * (1.0 - self.final_fraction)
        start, final = self.peak / self.start_ratio, self.peak / self.final_ratio
        height = ops.maximum(1.0 - ops.absolute(2.0 * step / cycle - 1.0), 0.0)
        past = ops.clip((step - cycle) / (self.total_steps - cycle), 0.0, 1.0)
        return start + (self.peak - start) * height - (start - final) * past


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


def _share(name: str, value: Any) -> float:
    if not _positive(name, value) < 1:
        raise ValueError(f"{name} must lie between 0 and 1, got {value!r}.")
    return float(value)
