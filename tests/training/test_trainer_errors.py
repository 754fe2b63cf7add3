"""What a trainer refuses, and when it says so."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from tftransformer import AllTokensPooler, Bert, Encoder, TokenEmbeddings, Transformer
from tftransformer.core import Ragged
from tftransformer.data import Batches
from tftransformer.objectives import ColumnExamples, IsReal, Tokens, Values
from tftransformer.training import (
    Checkpointing,
    LabelSmoothedCrossEntropy,
    LinearSchedule,
    Trainer,
    load_checkpoint,
)
from tftransformer.training.recipes import RDrop


def item(**changes):
    batch = {
        "ids": np.ones((2, 3), "int32"),
        "labels": np.ones((2, 3), "int32"),
        "weights": np.ones((2, 3), "float32"),
        **changes,
    }
    inputs = {"target_ids": batch["ids"]}
    return tf.data.Dataset.from_tensors((inputs, batch["labels"], batch["weights"]))


def frozen(tiny):
    model = tiny.tiny_model()
    model.trainable = False
    return model


MISTAKES = {
    "empty": (lambda tiny: {"train": tiny.TinyBatches(1).dataset().take(0)}, "empty"),
    "infinite": (lambda tiny: {"train": item().repeat()}, "infinite"),
    "pair": (
        lambda tiny: {"train": tf.data.Dataset.from_tensors((np.ones(2), np.ones(2)))},
        "inputs, labels, weights",
    ),
    "float labels": (
        lambda tiny: {"train": item(labels=np.ones((2, 3), "float32"))},
        "float32.*numbers of classes are int",
    ),
    "weights": (lambda tiny: {"train": item(weights=np.ones((2, 2), "float32"))}, "first axes"),
    "more weights": (
        lambda tiny: {"train": item(weights=np.ones((2, 3, 2), "float32"))},
        "first axes of the labels",
    ),
    "int weights": (lambda tiny: {"train": item(weights=np.ones((2, 3), int))}, "float weights"),
    "vocabulary": (lambda tiny: {"train": item(labels=np.full((2, 3), 12))}, "12 classes"),
    "ids": (lambda tiny: {"train": item(ids=np.full((2, 3), 12))}, "beyond its tables"),
    "length": (
        lambda tiny: {"train": item(labels=np.ones((2, 4), int), weights=np.ones((2, 4)))},
        r"labels.*\(1, 4\).*outputs.*\(1, 3, 12\)",
    ),
    "validation": (lambda tiny: {"validation": item().take(0)}, "validation is empty"),
    "ids of validation": (
        lambda tiny: {"validation": item(ids=np.full((2, 3), 12))},
        "first batch of validation: an id",
    ),
    "labels of validation": (
        lambda tiny: {"validation": item(labels=np.full((2, 3), 12))},
        "first batch of validation go from 12 to 12",
    ),
    "frozen": (lambda tiny: {"model": frozen(tiny)}, "No weight of the model is trainable"),
    "epochs": (lambda tiny: {"epochs": 0}, "epochs"),
    "part of an epoch": (lambda tiny: {"epochs": 1.5}, "epochs=1.5 was given; expected an int ≥ 1"),
    "text": (lambda tiny: {"minutes": "3"}, "minutes='3' was given; expected a number > 0"),
    "clip": (lambda tiny: {"clip_norm": -1.0}, "clip_norm"),
    "divergence": (
        lambda tiny: {"step": RDrop(-1.0)},
        "alpha=-1.0 was given; expected a number > 0",
    ),
    "resume": (lambda tiny: {"resume": True}, "directory"),
    "monitor": (
        lambda tiny: {"checkpointing": Checkpointing(monitor="val_accuracy")},
        "validation",
    ),
    "name of a metric": (
        lambda tiny: {"checkpointing": Checkpointing(monitor="accurcy")},
        "Checkpointing.monitor='accurcy'. watches what no epoch logs; .* hold accuracy, loss",
    ),
    "metric of another task": (
        lambda tiny: {
            "validation": tiny.TinyBatches(1),
            "callbacks": [keras.callbacks.EarlyStopping("val_macro_f1")],
        },
        "EarlyStopping.* hold accuracy, loss, val_accuracy, val_loss, val_perplexity",
    ),
    "schedule": (lambda tiny: {"optimizer": None}, "d_model"),
    "rate of a schedule": (
        lambda tiny: {
            "optimizer": keras.optimizers.Adam(LinearSchedule(1e-3, 10)),
            "callbacks": [keras.callbacks.ReduceLROnPlateau("loss")],
        },
        "ReduceLROnPlateau sets the learning rate, .* optimizer=keras.optimizers.Adam",
    ),
    "optimizer": (
        lambda tiny: {"optimizer": keras.optimizers.SGD(gradient_accumulation_steps=2)},
        "gradient_accumulation",
    ),
}


@pytest.mark.slow_after(5)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_before_any_work(tiny, mistake):
    options, message = MISTAKES[mistake]
    with pytest.raises(ValueError, match=message):
        tiny.make(**options(tiny))


def padded(mask, pad=0):
    """Batches of one row of an objective that pads with `pad`."""
    ids = Tokens(Ragged.from_rows([[7, 8]]), "tokens", pad)
    inputs = {"token_ids": ids} | ({"padding_mask": IsReal(ids, "bool")} if mask else {})
    return Batches(ColumnExamples(inputs, Values(np.ones(1, int)), Values(np.ones(1))), 16)


@pytest.mark.slow
def test_a_model_and_a_tokenizer_that_disagree_on_padding_are_told():
    def trainer(pad_id, mask, pad=0):
        heads = ["sequence_classification"]
        options = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 8, "heads": heads}
        model = Bert(20, pad_id=pad_id, **options)
        loss = {heads[0]: LabelSmoothedCrossEntropy(0.0)}
        return Trainer(model, padded(mask, pad), loss=loss, optimizer="sgd")

    said = "token_ids are padded with the id 0.* takes 1 as padding: make it with pad_id=0"
    with pytest.raises(ValueError, match=said):
        trainer(1, mask=False)
    with pytest.warns(UserWarning, match=f"{said}.*goes by padding_mask"):
        trainer(1, mask=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mask in (False, True):
            trainer(0, mask)
            trainer(3, mask, pad=3)
    batches = padded(mask=False)
    batches.examples.inputs = {"source_ids": batches.examples.inputs["token_ids"]}
    with pytest.raises(ValueError, match=r"source_ids are padded.*make it with pad_id=0"):
        Trainer(Transformer(1, 8, num_heads=2, dff=8, vocab_size=20, pad_id=2), batches)


@pytest.mark.slow
def test_a_mean_over_the_tokens_of_a_row_without_any_is_told_before_it_spoils_the_weights():
    """Five rows of one width make batches of four, and three rows of padding end the last one."""

    def batches(rows):
        ids = Tokens(Ragged.from_rows([[7, 8, 9]] * rows), "tokens", 0)
        inputs = {"token_ids": ids, "padding_mask": IsReal(ids, "bool")}
        return Batches(
            ColumnExamples(inputs, Values(np.ones((rows, 1))), Values(np.ones(rows))), 12
        )

    def trainer(pool, rows):
        inputs = {
            name: keras.Input((None,), dtype=dtype, name=name)
            for name, dtype in {"token_ids": "int32", "padding_mask": "bool"}.items()
        }
        embeddings = TokenEmbeddings(20, 8)
        hidden = Encoder(1, 8, 2, 8, embeddings=embeddings)(inputs["token_ids"])
        model = keras.Model(inputs, keras.layers.Dense(1)(pool(hidden, inputs)))
        return Trainer(model, batches(rows), loss="mse", optimizer="sgd", verbose=0)

    def mean(hidden, inputs):
        return keras.layers.GlobalAveragePooling1D()(hidden)

    assert batches(5).has_padding_rows
    with pytest.raises(
        ValueError, match=r"says NaN of a row .* of train end with .*AllTokensPooler"
    ):
        trainer(mean, 5)
    assert not batches(8).has_padding_rows
    for pool, rows in ((mean, 8), (AllTokensPooler(), 5)):
        assert np.isfinite(trainer(pool, rows).train().history["loss"]).all()


def test_an_optimizer_of_another_strategy_is_told(tiny):
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with pytest.raises(ValueError, match="/iteration was not created under the strategy"):
        tiny.make(strategy=strategy, optimizer=keras.optimizers.SGD())


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_loss_that_no_trained_weight_moves_is_told(tiny, accumulation):
    class Freeze(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.trainable = False

    with pytest.raises(ValueError, match="the loss depends on none of the 0 variables"):
        tiny.make(callbacks=[Freeze()], gradient_accumulation=accumulation).train()


def test_batches_of_another_kind_are_refused(tiny):
    with pytest.raises(TypeError, match="list"):
        tiny.make(train=[1, 2])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "no loss"}, "keras.losses.Loss.*not 'no loss'"),
        ({"metrics": ["no metric"]}, "keras.metrics.Metric.*'no metric'"),
        ({"loss_weights": ["much"]}, "must be numbers"),
        ({"step": 5.0}, r"TrainStep, such as tt.recipes.RDrop\(5.0\), not 5.0"),
        ({"callbacks": keras.callbacks.TerminateOnNaN}, "list of.*TerminateOnNaN"),
        ({"callbacks": [None]}, "it holds None"),
        ({"checkpointing": 3}, r"Checkpointing\(keep_last=10\), not 3"),
        ({"strategy": "mirrored"}, r"MirroredStrategy\(\).*got 'mirrored'"),
    ],
    ids=str,
)
def test_objects_of_another_kind_are_refused(tiny, options, message):
    with pytest.raises(TypeError, match=message):
        tiny.make(**options)


def test_a_directory_that_cannot_be_made_is_an_os_error(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        tiny.make(directory=tmp_path / "file")


@pytest.mark.slow
@pytest.mark.parametrize("part", ["train", "validation"])
def test_data_that_can_be_read_only_so_often_are_told(tiny, part):
    items = tiny.TinyBatches(2)
    spec = items.dataset().element_spec
    twice = iter([items.items[:1], items.items[:1], []])  # for the check, the first epoch, no more
    data = tf.data.Dataset.from_generator(lambda: next(twice), output_signature=spec)
    trainer = tiny.make(**{"train": items, part: data}, epochs=2)
    with pytest.raises(ValueError, match=f"{part} yields no batch any more"):
        trainer.train()


@pytest.mark.slow
def test_a_place_in_other_data_is_refused(tiny, tmp_path):
    tiny.make(steps=3, directory=tmp_path).train()
    with pytest.raises(ValueError, match="after batch 3 of 4, but train has 5 batches"):
        tiny.make(train=tiny.TinyBatches(5), directory=tmp_path, resume=True)
    history = tiny.make(directory=tmp_path, resume=True).train()
    assert history.epoch == [0]
    with pytest.raises(ValueError, match="data: batches 4 there, 5 here"):
        tiny.make(train=tiny.TinyBatches(5), epochs=2, directory=tmp_path, resume=True)


@pytest.mark.slow
def test_a_run_that_diverges_at_once_says_so(tiny, tmp_path):
    optimizer = keras.optimizers.SGD(float("inf"))
    with pytest.warns(UserWarning, match="not finite"):
        tiny.make(optimizer=optimizer, directory=tmp_path / "run").train()
    with pytest.raises(ValueError, match="no checkpoint"):
        load_checkpoint(tiny.tiny_model(), tmp_path / "run")


@pytest.mark.slow
def test_a_directory_in_use_and_another_model_are_told(tiny, tmp_path):
    tiny.make(directory=tmp_path).train()
    with pytest.raises(ValueError, match="resume=True"):
        tiny.make(directory=tmp_path)
    with pytest.raises(ValueError, match="another model: it holds 5"):
        tiny.make(model=tiny.tiny_model(use_bias=False), directory=tmp_path, resume=True)
    with pytest.raises(ValueError, match=r"shape \(8, 16\) there, of shape \(8, 4\) here"):
        tiny.make(model=tiny.tiny_model(width=4), directory=tmp_path, resume=True)
    with pytest.raises(ValueError, match="another optimizer"):
        tiny.make(optimizer="sgd", directory=tmp_path, resume=True)
