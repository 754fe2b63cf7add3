"""Every task: a fit that stops, goes on, fails, or is told what has no sense."""

import keras
import numpy as np
import pandas as pd
import pytest
from small_tasks import CASES, fitted_case

import tftransformer as tt
from tftransformer.training import Checkpointing

pytestmark = [pytest.mark.filterwarnings("ignore:.*:UserWarning")]


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_run_that_is_resumed_ends_as_if_it_had_not_stopped(name, tmp_path):
    settings, rows = CASES[name]
    frame = pd.DataFrame(rows)

    def fit(folder, **how):
        task = getattr(tt, name)(**settings)
        how |= {"directory": tmp_path / folder, "epochs": 2, "validation": frame}
        return task.fit(frame, verbose=0, **how)

    whole = fit("whole")
    fit("parts", steps=1)
    parts = fit("parts", resume=True)
    assert whole.history_ == parts.history_
    for one, other in zip(whole.model_.get_weights(), parts.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


class Interrupt(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise KeyboardInterrupt


@pytest.mark.slow
def test_a_fit_that_is_interrupted_leaves_the_object_as_it_was():
    tag, frame, _ = fitted_case("TokenClassifier")
    before = tag(frame)
    other = frame.assign(tags=[["O", "B-else", "O"], ["O", "O"]] * 6)
    with pytest.raises(KeyboardInterrupt):
        tag.fit(other, validation=0, verbose=0, callbacks=[Interrupt()])
    assert tag(frame).equals(before)
    assert tag.classes_ == ["x"]
    tag = tt.TokenClassifier(vocab_size=60)
    with pytest.raises(KeyboardInterrupt):
        tag.fit(other, validation=0, verbose=0, callbacks=[Interrupt()])
    with pytest.raises(RuntimeError, match="has learnt nothing yet"):
        tag(frame)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"clip_norm": -1.0}, "clip_norm=-1.0"),
        ({"gradient_accumulation": 0}, "gradient_accumulation=0"),
        ({"precision": "half"}, "precision='half'"),
        ({"step": "r_drop"}, "step must be a TrainStep"),
        ({"strategy": "mirrored"}, "strategy must be a tf.distribute.Strategy"),
        ({"callbacks": ["early"]}, "callbacks must be"),
        ({"optimizer": keras.optimizers.SGD(gradient_accumulation_steps=2)}, "weighs batches"),
        ({"optimizer": "adamm"}, "adamm"),
        ({"directory": __file__}, "test_resume.py is not a folder"),
        ({"checkpointing": Checkpointing(monitor="val_loss"), "validation": 0}, "needs validation"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_how_to_train_is_checked_before_a_tokenizer_is_learnt(how, message):
    def learn(texts, vocab_size):
        raise AssertionError("long work")

    with pytest.raises((ValueError, TypeError, OSError), match=message):
        tt.TextClassifier(tokenizer=learn).fit(["good", "bad"] * 9, ["yes", "no"] * 9, **how)


@pytest.mark.slow
def test_the_rate_falls_over_the_updates_that_there_are():
    seen = {}

    class Look(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            optimizer = self.model.optimizer
            seen["done"] = int(optimizer.iterations)
            seen["planned"] = optimizer._learning_rate.total_steps - 1

    settings, rows = CASES["TextClassifier"]
    frame = pd.concat([pd.DataFrame(rows)] * 30)
    how = {"gradient_accumulation": 4, "callbacks": [Look()], "validation": 0}
    tt.TextClassifier(**settings).fit(frame, epochs=2, verbose=0, **how)
    assert seen["done"] == seen["planned"] > 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MultipleChoice", "TextEmbedder"])
def test_r_drop_is_refused_where_outputs_are_no_classes(name):
    settings, rows = CASES[name]
    how = {"step": tt.recipes.RDrop(1.0), "validation": 0, "verbose": 0}
    with pytest.raises(ValueError, match="RDrop compares predictions of classes"):
        getattr(tt, name)(**settings).fit(pd.DataFrame(rows), **how)
