"""The directory of a run: who trains there, is there room, how it is left."""

import shutil
import signal
import subprocess
import sys
from collections import namedtuple

import keras
import pytest
import tensorflow as tf

from tftransformer.training import (
    Checkpointing,
)
from tftransformer.training.access import LOCK_FILE, locked


@pytest.mark.slow
def test_two_trainers_in_one_directory_are_noticed(tiny, tmp_path):
    one, two = (tiny.make(directory=tmp_path) for _ in range(2))
    one.train()
    with pytest.raises(ValueError, match="is in use by another run: it has saved"):
        two.train()
    one.load("last")


HOLDS = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
file.write('{"pid": 7, "host": "there"}')
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_another_process_in_the_directory_is_named_until_it_is_killed(tiny, run):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, run / LOCK_FILE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match="process 7 on there trains there"):
            tiny.resume(run)
        process.kill()
        process.wait()
    tiny.resume(run).train()


@pytest.mark.slow
def test_a_directory_is_locked_while_training_runs_and_not_longer(tiny, tmp_path):
    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            with pytest.raises(ValueError, match="is in use: process"), locked(tmp_path):
                pass

    tiny.make(directory=tmp_path, callbacks=[Look()]).train()
    with locked(tmp_path):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run [1]", "back\\slash", "a*b?"])
def test_a_directory_of_any_name_can_be_read_again(tiny, tmp_path, name):
    options = {"checkpointing": Checkpointing(keep_last=1), "directory": tmp_path / name}
    trainer = tiny.make(epochs=2, **options)
    trainer.train()
    digest = tiny.digest(trainer.model)
    assert len(list((tmp_path / name / "checkpoints").iterdir())) == 3
    for which in ("last", "average", "best"):
        trainer.load(which)
    again = tiny.make(epochs=2, resume=True, **options)
    assert tiny.digest(again.model) == digest


@pytest.mark.slow
def test_ctrl_c_says_what_was_saved_and_how_to_go_on(tiny, tmp_path, capfd):
    def interrupt(batch, logs):
        signal.raise_signal(signal.SIGINT)

    def train(**options):
        stop = keras.callbacks.LambdaCallback(on_train_batch_end=interrupt)
        with pytest.raises(KeyboardInterrupt):
            tiny.make(callbacks=[stop], **options).train()
        return capfd.readouterr().err

    said = train(directory=tmp_path)
    assert "SIGINT: saving after the running update" in said
    assert f"{tmp_path}/resume/ckpt-1 is the state to go on from" in said
    assert f"directory={str(tmp_path)!r}, resume=True" in said
    assert "nothing was saved" in train()


def test_a_disk_without_room_is_found_before_training(tiny, tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")(100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="The disk has 0 MB left"):
        tiny.make(directory=tmp_path)


@pytest.mark.slow
def test_a_place_that_cannot_be_written_is_found_before_training(tiny):
    with pytest.raises(OSError, match="The run cannot be saved there"):
        tiny.make(directory="/proc/run")


@pytest.mark.slow
def test_a_disk_that_fills_is_told_and_the_state_before_is_whole(tiny, tmp_path, monkeypatch):
    def full(*arguments):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    class Fill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                monkeypatch.setattr(tf.train.Checkpoint, "write", full)

    with pytest.raises(OSError, match=r"No space left.*ckpt-4 is whole. Make room"):
        tiny.make(epochs=2, directory=tmp_path, callbacks=[Fill()]).train()
    monkeypatch.undo()
    assert tiny.make(epochs=2, directory=tmp_path, resume=True).train().epoch == [0, 1]
