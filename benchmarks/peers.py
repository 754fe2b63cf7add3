"""The benchmarks' peers: which are installed, and those in a process of their own."""

import concurrent.futures
import contextlib
import functools
import importlib.util
import json
import multiprocessing
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from device import TensorFlow


def has_keras_hub() -> bool:
    """Whether KerasHub is installed; says so where it is not."""
    found = importlib.util.find_spec("keras_hub") is not None
    if not found:
        print("keras_hub is not installed (pip install keras-hub): its models are left out.")
    return found


def has_torch(python: str) -> bool:
    """Whether this Python has PyTorch and `transformers`; says so where it has not."""
    probe = [python, "-c", "import torch, transformers"]
    runs = functools.partial(
        subprocess.run, probe, stderr=subprocess.DEVNULL, check=False, env=peer_environment()
    )
    found = shutil.which(python) is not None and runs().returncode == 0
    if not found:
        print(
            f"{python} cannot import torch and transformers: their models are left out. "
            "--torch-python names a Python that can."
        )
    return found


@contextlib.contextmanager
def apart(build: Callable, *given: object) -> Iterator[tuple[int, Callable[[], int]]]:
    """Builds in a process of its own: models in one process share TensorFlow's options.

    Args:
        build: a function of a module, which returns a Keras model and a task.
        *given: its arguments.

    Yields:
        The model's number of weights, and a function that runs the task and returns the most bytes
        of memory that it held on the card; without one, those that its process has ever held.
    """
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn, _build, (build, *given)) as process:
        yield process.submit(_weights).result(), lambda: process.submit(_run).result()


@contextlib.contextmanager
def started(
    contenders: Mapping[str, contextlib.AbstractContextManager],
) -> Iterator[tuple[int, dict[str, Callable]]]:
    """Starts contenders one after the other, and stops unless all have as many weights.

    Args:
        contenders: each yields a number of weights and a task, as `apart` does.

    Yields:
        The number of weights, and the tasks by name.
    """
    with contextlib.ExitStack() as stack:
        entered = {name: stack.enter_context(start) for name, start in contenders.items()}
        weights = {name: count for name, (count, _) in entered.items()}
        if len(set(weights.values())) > 1:
            raise AssertionError(f"the models differ in size: {weights}")
        yield next(iter(weights.values())), {name: task for name, (_, task) in entered.items()}


def _build(build: Callable, *given: object) -> None:
    global _model, _task
    _model, _task = build(*given)


def _weights() -> int:
    return _model.count_params()


def _run() -> int:
    device = TensorFlow()
    device.forget_peak()
    _task()
    return device.peak()


def peer_environment(**more: str) -> dict[str, str]:
    """The environment variables of a peer without TensorFlow, to which PYTHONPATH may lead."""
    given = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {**more, **given}


@contextlib.contextmanager
def torch_process(python: str, order: dict) -> Iterator[tuple[int, Callable[[object], str]]]:
    """Starts `torch_peer.py` and gives it its order.

    Args:
        python: a Python that has torch and transformers.
        order: what the process is to build; plain data.

    Yields:
        The number of weights of its model, and a function that sends one line of plain data and
        waits for the answer.
    """
    # Threads that spin while they wait would take the cores from whoever's turn is next.
    environment = peer_environment(OMP_WAIT_POLICY="passive")
    with answering(python, "torch_peer.py", environment=environment) as ask:
        yield ask(order), ask


@contextlib.contextmanager
def answering(
    python: str, script: str, *words: object, environment: Mapping[str, str] | None = None
) -> Iterator[Callable[..., object]]:
    """Starts a script beside this one that answers lines of JSON with lines of JSON.

    Args:
        python: the Python to run it.
        script: its file name.
        *words: its arguments.
        environment: its environment variables; default: those of this process.

    Yields:
        A function that sends plain data, or nothing if it is given none, and returns the answer.
    """
    with subprocess.Popen(
        [python, str(Path(__file__).with_name(script)), *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:

        def ask(question: object = None) -> object:
            if question is not None:
                print(json.dumps(question), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            if not answer:
                raise RuntimeError(f"the process of {script} ended; its error stands above.")
            return json.loads(answer)

        yield ask
