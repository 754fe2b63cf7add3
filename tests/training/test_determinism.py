"""A run may be told to give the same bits each time."""

import json

import keras
import pytest
import tensorflow as tf
from tensorflow.python.framework import config

from tftransformer.core.device import Device
from tftransformer.training import preparation
from tftransformer.training.determinism import deterministic_operations


class Asked(keras.callbacks.Callback):
    """Keeps what TensorFlow's switch says at each batch."""

    def __init__(self):
        super().__init__()
        self.found = []

    def on_train_batch_end(self, batch, logs=None):
        self.found.append(config.is_op_determinism_enabled())


@pytest.mark.slow
def test_a_resumed_run_ends_in_the_bits_of_an_undisturbed_one(tiny, tmp_path):
    def run(name, **options):
        keras.utils.set_random_seed(0)
        model, asked = tiny.tiny_model(dropout=0.3), Asked()
        directory = tmp_path / name
        trainer = tiny.make(
            model=model, directory=directory, deterministic=True, callbacks=[asked], **options
        )
        trainer.train()
        assert asked.found
        assert all(asked.found)
        assert not config.is_op_determinism_enabled()
        return tiny.digest(model)

    whole = run("whole", epochs=2)
    assert run("parts", epochs=2, steps=3) != whole
    assert run("parts", epochs=2, resume=True) == whole
    assert "; deterministic." in json.loads((tmp_path / "whole" / "run.json").read_text())["device"]


@pytest.mark.slow
def test_a_resume_without_it_is_told(tiny, tmp_path):
    tiny.make(directory=tmp_path, deterministic=True, steps=2).train()
    with pytest.warns(UserWarning, match=r"deterministic\. and goes on with"):
        tiny.make(directory=tmp_path, resume=True)


def test_the_switch_is_put_back_whatever_happens():
    with pytest.raises(KeyError), deterministic_operations(True):
        raise KeyError
    assert not config.is_op_determinism_enabled()
    tf.config.experimental.enable_op_determinism()
    try:
        with deterministic_operations(True):
            pass
        assert config.is_op_determinism_enabled()  # as whoever set it left it
    finally:
        config.disable_op_determinism()


def test_what_cannot_be_computed_so_is_told_in_words():
    error = tf.errors.UnimplementedError(None, None, "No deterministic kernel for Op")
    told = r"No deterministic kernel for Op\)\. Train without it"
    with pytest.raises(NotImplementedError, match=told), deterministic_operations(True):
        raise error


def test_on_a_gpu_it_is_not_compiled(tiny, monkeypatch):
    device = Device("gpu", capability=(9, 0))
    monkeypatch.setattr(preparation, "current_device", lambda: device)
    with pytest.raises(ValueError, match="deterministic=True does not go with jit_compile=True"):
        tiny.make(deterministic=True, jit_compile=True)
