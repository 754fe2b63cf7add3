"""Where XLA compiles each shape, batches come in few; here a described GPU stands for one."""

import keras
import numpy as np
import pandas as pd
import pytest

import tftransformer as tt
from tftransformer.core.device import FEW_SHAPES, VALIDATION_SHAPES, Device
from tftransformer.training import preparation

GPU = Device("gpu", "test", capability=(8, 0))


@pytest.fixture(scope="module")
def batches():
    random = np.random.default_rng(0)
    rows = [" ".join("ab"[i] for i in random.integers(0, 2, size=n)) for n in range(2, 60)]
    sizes = {"vocab_size": 8, "max_length": 64, "batch_tokens": 64}
    data = tt.DataProcess("text", "kind", objective=tt.Classes(), tokenizer="wordpiece", **sizes)
    frame = pd.DataFrame({"text": rows, "kind": [0, 1] * 29})
    data.fit(frame)
    return data, data.batches(frame), data.batches(frame[::3], training=False)


def test_batches_are_planned_for_the_device(batches, monkeypatch):
    _, train, valid = batches
    assert preparation.planned(train, valid, "auto") == (train, valid)
    monkeypatch.setattr(preparation, "current_device", lambda: GPU)
    assert preparation.planned(train, valid, False) == (train, valid)
    few, few_valid = preparation.planned(train, valid, "auto")
    assert len(train.shapes) > FEW_SHAPES
    assert len(few.shapes) <= FEW_SHAPES - VALIDATION_SHAPES
    assert len(few_valid.shapes) <= VALIDATION_SHAPES
    longest = train.examples.lengths.max()
    assert {w for _, w in few.shapes if w % 8} <= {longest}
    assert sorted(np.concatenate(few.rows())) == [*range(len(train.examples))]
    assert few.fingerprint != train.fingerprint
    again = preparation.planned(few, few_valid, "auto")
    assert (again[0] is few, again[1] is few_valid) == (True, True)


@pytest.mark.slow
def test_an_epoch_compiles_no_more_than_it_says(batches, monkeypatch, capsys):
    data, train, valid = batches
    monkeypatch.setattr(preparation, "current_device", lambda: GPU)
    keras.utils.set_random_seed(0)
    sizes = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 16, "num_positions": 64}
    model = tt.Bert(data.tokenizers[0].vocab_size, **sizes, heads=["sequence_classification"])
    model = model.only("sequence_classification")
    trainer = tt.Trainer(model, train, valid, epochs=2, verbose=2)
    assert trainer.choice.jit_compile
    assert trainer.choice.precision == "bfloat16"
    trainer.train()
    lines = capsys.readouterr().out.splitlines()
    assert f"for each of {trainer.choice.num_shapes} shapes" in lines[0]
    assert "of all positions" in lines[0].lower()
    told = [line for line in lines if line.startswith("XLA compiles")]
    assert 2 < len(told) <= FEW_SHAPES
    assert len({*told}) == len(told)
