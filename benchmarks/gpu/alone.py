"""Contenders that have the card to themselves, one after the other.

Elsewhere in benchmarks/ contenders take turns, so that a slow moment strikes them all. On a card
they do not: TensorFlow and PyTorch keep what memory they have once taken until their process ends,
and three of these models would not fit beside each other. A card that serves nobody else has few
slow moments; the range of the rounds shows whether it had any.
"""

import contextlib
import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import device
from peers import peer_environment


@dataclasses.dataclass(frozen=True)
class Figures:
    """What was measured of a contender.

    Args:
        weights: number of its weights.
        first: seconds of the first round, in which graphs are traced and compiled.
        seconds: those of each further round.
        peak: the most bytes of memory in the last round: of the card, or without one of the
            process.
    """

    weights: int
    first: float
    seconds: list[float]
    peak: int

    @property
    def compiling(self) -> float:
        """The seconds by which the first round was longer than the others."""
        return self.first - sorted(self.seconds)[len(self.seconds) // 2]


def say_devices(torch_python: str | None) -> None:
    """Prints what TensorFlow and PyTorch compute with; processes of their own ask."""
    environments = {"tensorflow": (sys.executable, None)}
    if torch_python:
        environments["torch"] = torch_python, peer_environment()
    for library, (python, environment) in environments.items():
        command = [python, device.__file__, library]
        with contextlib.suppress(OSError):
            subprocess.run(command, env=environment, stderr=subprocess.DEVNULL, check=False)


def alone(
    contenders: Mapping[str, contextlib.AbstractContextManager],
    rounds: int,
    kept: Path | None = None,
) -> dict[str, Figures]:
    """Measures contenders one after the other. One that fails is left out, and a line says why.

    Args:
        contenders: each yields a number of weights and a task that returns a peak of memory, as
            `peers.apart` does; a task ends when its work is done.
        rounds: timed rounds, after a first one.
        kept: a file of figures. Who stands in it is not measured again, so that several commands
            can fill one table.

    Returns:
        name → its figures.
    """
    found = {}
    lines = kept.read_text(encoding="utf-8").splitlines() if kept and kept.exists() else []
    known = dict(map(json.loads, lines))
    for name, start in contenders.items():
        if name in known:
            found[name] = Figures(**known[name])
            continue
        try:
            with start as (weights, task):
                found[name] = _measured(weights, task, rounds)
        except Exception as error:  # whatever a library raises where memory is short
            print(f"{name} failed: {str(error)[:500]}", flush=True)
            continue
        print(f"{name}: {found[name]}", flush=True)
        if kept:
            with kept.open("a", encoding="utf-8") as file:
                print(json.dumps([name, dataclasses.asdict(found[name])]), file=file)
    return found


def _measured(weights: int, task: Callable[[], int], rounds: int) -> Figures:
    seconds = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        peak = task()
        seconds.append(time.perf_counter() - begun)
    return Figures(weights, seconds[0], seconds[1:], peak)
