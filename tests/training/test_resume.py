"""A run that was interrupted ends as if it had not been."""

import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from tftransformer.training import Checkpointing, Trainer

PROGRAM = Path(__file__).with_name("tiny_run.py")
ROOT = PROGRAM.parents[2]


def start(*arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # A shell's background jobs, and what they start, would ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def interrupt_after(batches, number, *arguments):
    """Sends the signal when so many batches are done, and returns the exit status."""
    process = start(*arguments)
    for _ in range(batches):
        assert process.stdout.readline().startswith("batch"), process.stderr.read()
    process.send_signal(number)
    process.communicate(timeout=120)
    return process.returncode


def finish(*arguments):
    process = start(*arguments)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output.splitlines()[-1]


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    """The outcome of the run without interruption, for some accumulation."""

    @functools.cache
    def run(accumulation):
        directory = tmp_path_factory.mktemp("whole")
        return tiny.outcome(*tiny.train(directory, accumulation), directory)

    return run


@pytest.mark.slow
def test_a_run_killed_in_mid_epoch_ends_in_the_same_bits(tiny, whole, tmp_path):
    assert interrupt_after(12, signal.SIGKILL, tmp_path) == -signal.SIGKILL
    assert finish(tmp_path) == whole(1)


@pytest.mark.slow
def test_many_kills_with_accumulated_gradients_end_in_the_same_bits(tiny, whole, tmp_path):
    for batches in (2, 5, 1, 4):
        interrupt_after(batches, signal.SIGKILL, tmp_path, 2)
    assert finish(tmp_path, 2) == whole(2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)]
)
def test_a_signal_saves_before_it_stops(tiny, whole, tmp_path, number, status):
    assert interrupt_after(5, number, tmp_path) == status
    assert finish(tmp_path) == whole(1)


class StopAt(keras.callbacks.Callback):
    """Raises a signal in this process after some batch."""

    def __init__(self, batch):
        super().__init__()
        self.left = batch

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGTERM)


# 7 and 14 are the last ones of the epochs; after 9 there is a checkpoint.
@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 7, 9, 13, 14])
def test_a_stop_at_any_batch_loses_nothing(tiny, whole, tmp_path, batch):
    with pytest.raises(SystemExit, match="143"):
        tiny.train(tmp_path, callbacks=[StopAt(batch)])
    assert tiny.outcome(*tiny.train(tmp_path), tmp_path) == whole(1)
    model, nothing_left = tiny.train(tmp_path)
    assert tiny.outcome(model, nothing_left, tmp_path) == whole(1)
    assert nothing_left.epoch == [0, 1]


@pytest.mark.slow
def test_the_average_does_not_depend_on_the_clock(tiny, tmp_path):
    """Places that time asks for give way to the next one, and to the end of an epoch."""

    def average(name, **options):
        checkpointing = Checkpointing(keep_last=3, **options)
        trainer = tiny.make(epochs=4, directory=tmp_path / name, checkpointing=checkpointing)
        trainer.train()
        trainer.load("average")
        return tiny.digest(trainer.model)

    assert average("often", every_seconds=1e-9) == average("never", every_seconds=None)
    assert average("often_too", every_steps=2) != average("never_again", every_seconds=None)


@pytest.mark.slow
def test_the_place_of_a_run_that_was_stopped_is_its_last_state(tiny, tmp_path):
    trainer = tiny.make(steps=6, epochs=2, directory=tmp_path)
    trainer.train()
    stopped = tiny.digest(trainer.model)
    for choice in ({"which": "average", "last": 1}, {"which": "last"}):
        trainer.load(**choice)
        assert tiny.digest(trainer.model) == stopped
    trainer = tiny.make(epochs=2, directory=tmp_path, resume=True)
    trainer.train()
    ended = tiny.digest(trainer.model)
    trainer.load("last")
    assert tiny.digest(trainer.model) == ended != stopped


@pytest.mark.slow
def test_limits_stop_in_mid_epoch_and_the_rest_follows(tiny, tmp_path):
    def trainer(**options):
        keras.utils.set_random_seed(0)
        return Trainer(
            tiny.tiny_model(dropout=0.2),
            tiny.TinyBatches(6),
            tiny.TinyBatches(2, seed=1),
            optimizer=keras.optimizers.Adam(1e-2),
            epochs=2,
            verbose=0,
            **options,
        )

    whole = trainer()
    expected = whole.train().history
    part = trainer(steps=4, directory=tmp_path)
    logs = part.train().history
    assert len(logs["val_loss"]) == 1  # the part of the epoch is validated and reported
    assert int(part.optimizer.iterations) == 4
    rest = trainer(directory=tmp_path, resume=True)
    assert rest.train().history == expected
    assert tiny.digest(rest.model) == tiny.digest(whole.model)


class InterruptValidation(keras.callbacks.Callback):
    def on_test_begin(self, logs=None):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [4, 6])  # within an epoch, and at its end
def test_a_run_interrupted_when_only_validation_was_left_validates(tiny, tmp_path, steps):
    def run(directory, **options):
        options = {"train": tiny.TinyBatches(6), "validation": tiny.TinyBatches(2), **options}
        trainer = tiny.make(epochs=9, steps=steps, directory=directory, **options)
        return trainer, trainer.train().history

    whole, expected = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", callbacks=[InterruptValidation()])
    for _ in range(2):  # what is over stays so
        resumed, found = run(tmp_path / "cut", resume=True)
        assert found == expected
        assert tiny.digest(resumed.model) == tiny.digest(whole.model)
        resumed.load("best")


def test_training_stops_when_the_minutes_are_over(tiny):
    trainer = Trainer(
        tiny.tiny_model(), tiny.TinyBatches(6), optimizer="sgd", minutes=1e-9, epochs=9, verbose=0
    )
    trainer.train()
    assert int(trainer.optimizer.iterations) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("min_delta", [0.0, 0.5])
def test_early_stopping_keeps_its_patience_over_a_resume(tiny, tmp_path, min_delta):
    def run(epochs, patience=3):
        stopping = keras.callbacks.EarlyStopping("val_loss", min_delta=min_delta, patience=patience)
        trainer = Trainer(
            tiny.tiny_model(),
            tiny.TinyBatches(2),
            tiny.TinyBatches(2, seed=1),
            optimizer=keras.optimizers.SGD(0.0),  # nothing ever improves
            epochs=epochs,
            directory=tmp_path,
            resume=True,
            callbacks=[stopping],
            verbose=0,
        )
        return trainer.train(), stopping

    history, stopping = run(epochs=3)
    assert stopping.wait == 2
    history, stopping = run(epochs=50)
    assert history.epoch == [0, 1, 2, 3]
    assert np.isclose(stopping.best, history.history["val_loss"][0])
    assert run(epochs=50)[0].history == history.history  # it is over
    assert run(epochs=50, patience=4)[0].epoch == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_a_column_of_the_history_that_comes_late_or_goes_has_gaps(tiny, tmp_path):
    validation = tiny.TinyBatches(1)
    for epochs, part in ((1, None), (2, validation), (3, None)):
        options = {"epochs": epochs, "directory": tmp_path, "resume": True}
        history = tiny.make(None, part, **options).train().history
    np.testing.assert_array_equal(np.isfinite(history["val_loss"]), [False, True, False])
    assert np.isfinite(history["loss"]).all()
    table = pd.read_csv(tmp_path / "history.csv")
    for name, column in history.items():
        np.testing.assert_array_equal(table[name], column)
