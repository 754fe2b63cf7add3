"""When training stops, and when a state of it is due."""

import math
import time


class Limits:
    """What ends a call of `train` besides its epochs, and how often it saves.

    Args:
        steps: number of updates in all, or None.
        minutes: how long a call may take, or None.
        every_seconds: how long after a save the next one is due, or None.
    """

    def __init__(self, steps: int | None, minutes: float | None, every_seconds: float | None):
        self._steps = math.inf if steps is None else steps
        self._seconds = 60 * minutes if minutes else math.inf
        self._every = math.inf if every_seconds is None else every_seconds
        self.begin()

    def begin(self) -> None:
        """Training begins."""
        self._saved = time.monotonic()
        self._deadline = self._saved + self._seconds

    def are_over(self, step: int) -> bool:
        """Whether training stops after this number of updates."""
        return step >= self._steps or time.monotonic() > self._deadline

    def is_save_due(self) -> bool:
        """Whether a state is to be saved because time has passed."""
        return time.monotonic() - self._saved >= self._every

    def saved(self) -> None:
        """A state was saved just now."""
        self._saved = time.monotonic()
