"""A run knows itself: what it goes on with, what it refuses, and what of it is damaged."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer.training import (
    Checkpointing,
    LabelSmoothedCrossEntropy,
    load_checkpoint,
    repair_run,
)
from tftransformer.training.run_record import RunRecord


def flip(path, place, bits=64):
    content = bytearray(path.read_bytes())
    content[place] ^= bits
    path.write_bytes(bytes(content))


def newest(directory, suffix):
    (path,) = (directory / "checkpoints").glob(f"ckpt-12.{suffix}*")
    return path


@pytest.mark.slow
def test_a_flip_of_any_byte_is_told_and_nothing_is_set(tiny, run):
    load_checkpoint(expected := tiny.tiny_model(), run, "last")
    model = tiny.tiny_model()
    before = model.get_weights()
    told = same = tried = 0
    for suffix in ("index", "data"):
        path = newest(run, suffix)
        for place in range(0, path.stat().st_size, 61):
            flip(path, place)
            tried += 1
            try:
                load_checkpoint(model, run, "last")
            except ValueError as error:
                told += f"{run}/checkpoints/ckpt-12" in str(error)
                for now, then in zip(model.get_weights(), before, strict=True):
                    np.testing.assert_array_equal(now, then)
            else:  # a byte that no weight depends on
                assert tiny.digest(model) == tiny.digest(expected)
                model.set_weights(before)
                same += 1
            flip(path, place)
    assert told == tried - same > 20


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["index", "data"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: path.unlink(),
        lambda path: flip(path, 50),
        lambda path: shutil.copy(path.with_name(path.name.replace("12", "8")), path),
    ],
    ids=["emptied", "cut", "lost", "flipped", "of another state"],
)
def test_a_run_goes_on_from_the_state_before_a_damaged_one(tiny, finished, run, suffix, spoil):
    spoil(newest(run, suffix))
    with pytest.warns(UserWarning, match=r"ckpt-12 is .* goes on from .*ckpt-8"):
        trainer = tiny.resume(run)
    assert "ckpt-8" in trainer.resumed
    trainer.train()
    assert tiny.digest(trainer.model) == finished[1]
    trainer.load("last")
    assert tiny.digest(trainer.model) == finished[1]


@pytest.mark.slow
def test_a_state_by_the_name_of_another_is_damaged(tiny, run):
    for suffix in ("index", "data"):
        path = newest(run, suffix)
        shutil.copy(path.with_name(path.name.replace("12", "8")), path)
    with pytest.warns(UserWarning, match="after update 8, by another name"):
        tiny.resume(run)


@pytest.mark.slow
def test_a_run_without_a_whole_state_says_so(tiny, run):
    for path in (run / "checkpoints").glob("*.data*"):
        path.write_bytes(b"")
    model = tiny.tiny_model()
    before = tiny.digest(model)
    with pytest.raises(ValueError, match="no state of this run can be read"):
        tiny.resume(run, model=model)
    assert tiny.digest(model) == before


@pytest.mark.slow
def test_a_state_missing_from_an_average_is_told_by_its_name(tiny, run):
    for path in (run / "checkpoints").glob("ckpt-8.*"):
        path.unlink()
    with pytest.raises(ValueError, match="ckpt-8 is lost"):
        load_checkpoint(tiny.tiny_model(), run, "average")
    load_checkpoint(tiny.tiny_model(), run, "average", last=1)
    assert len(repair_run(run)) == 1
    load_checkpoint(tiny.tiny_model(), run, "average")


@pytest.mark.slow_after(1)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:20]),
        lambda path: path.write_bytes(path.read_bytes()[:-30]),
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"\0" * 50),
        lambda path: path.write_bytes(b"\xff" * 50),
    ],
    ids=["emptied", "cut", "cut late", "lost", "zeros", "no text"],
)
def test_a_damaged_index_is_told_and_deletes_nothing(tiny, finished, run, spoil):
    states = sorted((run / "checkpoints").glob("ckpt-*"))
    spoil(run / "checkpoints" / "checkpoint")
    for make in (lambda: tiny.resume(run), lambda: tiny.make(directory=run)):
        with pytest.raises(ValueError, match=r"States beside it: ckpt-4, .*repair_run"):
            make()
    assert sorted((run / "checkpoints").glob("ckpt-*")) == states
    assert "checkpoint" in repair_run(run)[0]
    trainer = tiny.resume(run)
    assert trainer.train().epoch == [0, 1, 2]
    assert tiny.digest(trainer.model) == finished[1]


def test_what_killed_saves_left_is_cleared_by_the_next_start(tiny, run):
    left = [run / "checkpoints" / "ckpt-9_temp", run / "resume" / ".ckpt-x1"]
    for folder in left:
        folder.mkdir()
        (folder / "part").touch()
    left.append(run / "checkpoints" / "ckpt-11.data-00000-of-00001")  # its index never came
    left[-1].touch()
    mine = run / "checkpoints" / "ckpt-8.copy"
    mine.touch()
    tiny.resume(run).train()
    assert not any(path.exists() for path in left)
    assert mine.exists()


class Spoiled:
    """Batches whose fingerprint, vocabulary or objective can be given."""

    def __init__(self, tiny, **parts):
        self.tiny = tiny.TinyBatches(4, shapes=((5, 4), (3, 7)))
        vars(self).update(parts)

    def __len__(self):
        return 4

    def dataset(self, epoch=0, start=0):
        return self.tiny.dataset(epoch, start)


OTHERS = {
    "rows": (lambda tiny: {"train": tiny.TinyBatches(4, 9, ((5, 4), (3, 7)))}, "data: first"),
    "number": (lambda tiny: {"train": tiny.TinyBatches(5)}, "data: batches 4 there, 5 here"),
    "dropout": (lambda tiny: {"model": tiny.tiny_model(dropout=0.5)}, "model: config.*0.5 here"),
    "rate": (
        lambda tiny: {"optimizer": keras.optimizers.Adam(0.5)},
        r"optimizer: learning_rate 0.00999.* there, 0.5 here",
    ),
    "optimizer": (
        lambda tiny: {"optimizer": keras.optimizers.SGD(1e-2)},
        "another optimizer: it holds.*\n- optimizer: class",
    ),
    "loss": (
        lambda tiny: {"loss": LabelSmoothedCrossEntropy(0.3)},
        "loss: smoothing 0.1 there, 0.3 here",
    ),
    "clipping": (lambda tiny: {"clip_norm": 1.0}, "settings: clip_norm None there, 1.0 here"),
    "shape": (lambda tiny: {"model": tiny.tiny_model(width=4)}, r"of shape \(8, 16\) there"),
    "vocabulary": (lambda tiny: {"train": Spoiled(tiny, vocabulary="b")}, "vocabulary: it"),
}


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("other", OTHERS)
def test_a_run_does_not_go_on_with_others(tiny, run, other):
    make, message = OTHERS[other]
    options = make(tiny)
    model = options.setdefault("model", tiny.tiny_model())
    before = tiny.digest(model)
    with pytest.raises(ValueError, match=message) as error:
        tiny.resume(run, epochs=4, **options)
    assert "begin another run: directory=" in str(error.value)
    assert tiny.digest(model) == before


def test_another_number_of_updates_is_said_to_come_of_epochs_and_rows():
    before, now = (RunRecord({"optimizer": {"rate.total_steps": n}}, "cpu") for n in (3, 6))
    (line,) = before.differences(now)
    assert line == (
        "optimizer: rate.total_steps (the updates that epochs, rows and gradient_accumulation "
        "make) 3 there, 6 here"
    )


@pytest.mark.slow
def test_a_fingerprint_stands_for_the_data(tiny, tmp_path):
    def make(fingerprint):
        train = Spoiled(tiny, fingerprint=fingerprint)
        return tiny.make(train=train, directory=tmp_path, resume=True, epochs=1)

    make("a").train()
    make("a")
    with pytest.raises(ValueError, match="data: rows and order 'a' there, 'b' here"):
        make("b")


@pytest.mark.slow
def test_what_does_not_change_the_weights_may_change(tiny, run):
    trainer = tiny.resume(
        run,
        epochs=5,
        steps=14,
        minutes=3,
        callbacks=[keras.callbacks.TerminateOnNaN()],
        checkpointing=Checkpointing(keep_last=2),
    )
    assert trainer.train().epoch == [0, 1, 2, 3]


@pytest.mark.slow
def test_data_in_a_new_order_at_each_reading_can_be_gone_on_with(tiny, tmp_path):
    def train():
        items = tiny.TinyBatches(8).dataset().apply(tf.data.experimental.assert_cardinality(8))
        return items.shuffle(8)

    tiny.make(train=train(), directory=tmp_path).train()
    tiny.make(train=train(), directory=tmp_path, resume=True, epochs=2).train()


@pytest.mark.slow
def test_a_lost_record_is_warned_of_and_a_damaged_one_refused(tiny, run):
    record = run / "run.json"
    assert json.loads(record.read_text())["versions"]["keras"] == keras.__version__
    record.write_text("{")
    with pytest.raises(ValueError, match=r"run.json.*is damaged"):
        tiny.resume(run)
    record.unlink()
    with pytest.warns(UserWarning, match="no run.json"):
        tiny.resume(run)


@pytest.mark.slow
def test_what_a_resume_found_is_said(tiny, run, capsys):
    tiny.resume(run, verbose=2)
    said = capsys.readouterr().out
    assert "goes on from" in said
    assert "ckpt-12: 3 finished epochs, 12 updates." in said
    tiny.make(directory=run / "new", resume=True, verbose=2)
    assert "holds no state yet" in capsys.readouterr().out


@pytest.mark.slow
def test_an_epoch_begins_once_however_often_a_run_is_resumed(tiny, tmp_path):
    def rate_and_weights(directory, *stops):
        begun = []
        for steps in (*stops, None):
            optimizer = keras.optimizers.Adam(1e-2)
            callbacks = [
                keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.8 * rate),
                keras.callbacks.LambdaCallback(
                    on_epoch_begin=lambda epoch, logs: begun.append(epoch)
                ),
            ]
            trainer = tiny.make(
                epochs=2,
                steps=steps,
                optimizer=optimizer,
                callbacks=callbacks,
                directory=directory,
                resume=True,
            )
            trainer.train()
        return begun, float(optimizer.learning_rate), tiny.digest(trainer.model)

    assert rate_and_weights(tmp_path / "a", 2, 3, 6) == rate_and_weights(tmp_path / "b")


def test_backup_and_restore_is_refused(tiny, tmp_path):
    callback = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(ValueError, match=r"directory='runs/...', resume=True"):
        tiny.make(callbacks=[callback])


@pytest.mark.slow
@pytest.mark.parametrize(("setback", "winner"), [(False, "average"), (True, "best")])
def test_the_average_is_taken_where_it_wins(tiny, tmp_path, setback, winner, capsys):
    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            bias = self.model.layers[-1].bias
            sign = (-1) ** epoch if not setback else epoch == 2
            bias.assign(6.0 * sign * np.arange(tiny.VOCABULARY) / tiny.VOCABULARY)

    trainer = tiny.make(
        validation=tiny.TinyBatches(2, seed=1),
        epochs=4 if not setback else 3,
        optimizer=keras.optimizers.SGD(1e-9),
        callbacks=[Watch()],
        directory=tmp_path,
        verbose=2,
    )
    trainer.train()
    losses = {}
    for which in ("best", "average"):
        assert trainer.load(which) == which
        losses[which] = (
            trainer.evaluate(tiny.TinyBatches(2, seed=1))["loss"],
            tiny.digest(trainer.model),
        )
    assert trainer.load("winner") == min(losses, key=losses.get) == winner
    assert tiny.digest(trainer.model) == losses[winner][1]
    assert "is taken" in capsys.readouterr().out


@pytest.mark.slow
def test_without_a_finite_loss_there_is_no_winner(tiny, tmp_path):
    valid = tiny.TinyBatches(1, seed=1)
    options = {"validation": valid, "optimizer": keras.optimizers.SGD(float("inf"))}
    trainer = tiny.make(tiny.TinyBatches(2), directory=tmp_path, **options)
    with pytest.warns(UserWarning, match="not finite after update 2"):
        trainer.train()
    with pytest.raises(ValueError, match=r"nothing to take a model from: .* a lower"):
        trainer.load("winner")


@pytest.mark.slow
def test_without_a_best_epoch_the_average_wins(tiny, tmp_path):
    checkpointing = Checkpointing(monitor="missing")
    valid = tiny.TinyBatches(1, seed=1)
    may_log = type("MayLog", (keras.callbacks.Callback,), {"__module__": "elsewhere"})()
    trainer = tiny.make(
        validation=valid, directory=tmp_path, checkpointing=checkpointing, callbacks=[may_log]
    )
    with pytest.warns(UserWarning, match="the logs hold only"):
        trainer.train()
    assert trainer.load("winner") == "average"


@pytest.mark.slow
def test_a_winner_needs_validation_and_two_whole_candidates(tiny, run):
    trainer = tiny.make(epochs=3, directory=run, resume=True)
    with pytest.raises(ValueError, match="compares on validation data"):
        trainer.load("winner")
    trainer = tiny.resume(run)
    newest(run, "data").write_bytes(b"")
    before = tiny.digest(trainer.model)
    with pytest.raises(ValueError, match="ckpt-12"):
        trainer.load("winner")
    assert tiny.digest(trainer.model) == before
