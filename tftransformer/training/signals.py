"""Stopping on SIGTERM and SIGINT at a moment that suits the work."""

import contextlib
import os
import signal
import threading
from typing import Any

STOPPING = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """Notes the first SIGTERM or SIGINT inside a `with` block instead of dying of it.

    A second signal acts at once. After the block `deliver` lets a noted signal have its usual
    effect: KeyboardInterrupt for SIGINT, SystemExit(143) for SIGTERM, or the handler that was
    installed before. Outside the main thread, where Python allows no handlers, nothing is noted.

    Args:
        enabled: False makes the block do nothing.
    """

    def __init__(self, enabled: bool = True):
        self.received: signal.Signals | None = None
        self._enabled = enabled and threading.current_thread() is threading.main_thread()
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        if self._enabled:
            for number in STOPPING:
                previous = signal.getsignal(number)
                # None: installed outside Python, so it could not be put back.
                if previous not in (signal.SIG_IGN, None):
                    self._previous[number] = previous
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *error: Any) -> None:
        self._put_back()

    def deliver(self) -> None:
        """Has the noted signal act, if there is one."""
        if self.received is None:
            return
        previous = self._previous[self.received]
        if callable(previous):
            previous(self.received, None)
        else:
            raise SystemExit(128 + self.received)

    def _note(self, number: int, frame: Any) -> None:
        self.received = signal.Signals(number)
        said = f"\n{self.received.name}: saving after the running update; a second one stops now.\n"
        with contextlib.suppress(OSError):
            os.write(2, said.encode())  # a handler may not print: it may have interrupted print
        self._put_back()

    def _put_back(self) -> None:
        for number, previous in self._previous.items():
            if signal.getsignal(number) == self._note:
                signal.signal(number, previous)
