"""A loss of hidden states and head, in blocks of tokens, is the loss of all logits."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tftransformer as tt
from tftransformer.training import BlockedCrossEntropy, LabelSmoothedCrossEntropy
from tftransformer.training.metrics import correct_predictions

ROWS, LENGTH, WIDTH, CLASSES = 3, 5, 6, 11


class Head(keras.layers.Layer):
    """Logits by way of another layer."""

    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(WIDTH, "tanh")
        self.last = keras.layers.Dense(CLASSES)

    def call(self, hidden):
        return self.last(self.first(hidden))

    def compute_output_shape(self, hidden_shape):
        return (*hidden_shape[:-1], CLASSES)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("block", [1, 4, 15, 64])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_values_gradients_and_accuracy_are_those_of_all_logits(block, smoothing):
    chance = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    hidden = tf.constant(3 * chance.normal(size=(ROWS, LENGTH, WIDTH)).astype("float32"))
    labels = tf.constant(chance.integers(0, CLASSES, (ROWS, LENGTH)), "int32")
    weights = chance.random((ROWS, LENGTH)).astype("float32")
    head = Head()
    head(hidden)
    blocked = BlockedCrossEntropy(head, smoothing, block=block)
    plain = LabelSmoothedCrossEntropy(smoothing)

    @tf.function(autograph=False)
    def run(in_blocks):
        with tf.GradientTape() as tape:
            tape.watch(hidden)
            outputs = blocked.of(hidden) if in_blocks else head(hidden)
            losses = (blocked if in_blocks else plain).call(labels, outputs)
            total = tf.reduce_sum(losses * weights)
        sources = [hidden, *[variable.value for variable in head.trainable_variables]]
        return losses, correct_predictions(labels, outputs), *tape.gradient(total, sources)

    for one, other in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def transformer():
    keras.utils.set_random_seed(0)
    return tt.Transformer(
        num_layers=1, d_model=8, num_heads=2, dff=8, vocab_size=CLASSES, dropout=0.0
    )


def batches():
    chance = np.random.default_rng(0)
    ids = chance.integers(1, CLASSES, (12, 2, LENGTH)).astype("int32")
    inputs = {"source_ids": ids[:, 0], "target_ids": ids[:, 1]}
    weights = (chance.random((12, LENGTH)) > 0.2).astype("float32")
    return tf.data.Dataset.from_tensor_slices((inputs, ids[:, 1], weights)).batch(4)


def trained(loss_of, frozen=False, **options):
    model = transformer()
    model.head.trainable = not frozen
    trainer = tt.Trainer(
        model,
        batches(),
        batches(),
        loss=loss_of(model),
        optimizer=keras.optimizers.SGD(0.5),
        epochs=2,
        precision="float32",
        verbose=0,
        **options,
    )
    return trainer.train().history, model


@pytest.mark.slow
@pytest.mark.parametrize("frozen", [False, True])
def test_a_trainer_trains_with_it_as_with_all_logits(frozen):
    """The head is tied to the embeddings, so its gradient meets theirs; a frozen one has none."""
    blocked, model = trained(lambda model: BlockedCrossEntropy(model.head, 0.1, block=7), frozen)
    plain, other = trained(lambda model: LabelSmoothedCrossEntropy(0.1), frozen)
    assert set(blocked) == set(plain)
    for name, values in plain.items():
        np.testing.assert_allclose(blocked[name], values, rtol=1e-5, err_msg=name)
    for one, two in zip(model.trainable_variables, other.trainable_variables, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5, err_msg=two.path)
    for now, then in zip(model.head.weights, transformer().head.weights, strict=True):
        assert np.array_equal(now, then) == frozen
    inputs = next(iter(batches()))[0]
    assert model(inputs).shape[-1] == CLASSES  # the head is in its place again


def chosen(model, loss=None, **options):
    """The loss that a Trainer takes of 12 × 5 tokens of 11 classes."""
    options = {"optimizer": "sgd", "precision": "float32", "verbose": 0} | options
    trainer = tt.Trainer(model, batches(), loss=loss or LabelSmoothedCrossEntropy(0.1), **options)
    (term,) = trainer._loop.steps.testing.terms
    return term.loss


class Capped(tt.Transformer):
    """Does more with its logits than its head does."""

    def logits(self, hidden):
        return 3 * keras.ops.tanh(super().logits(hidden))


@pytest.mark.slow_after(1)
def test_many_logits_come_in_blocks_where_nothing_else_asks_for_them(monkeypatch):
    assert type(chosen(transformer())) is LabelSmoothedCrossEntropy  # few
    monkeypatch.setattr("tftransformer.training.blocks.MANY_LOGITS", 4 * 4 * LENGTH * CLASSES - 1)
    model = transformer()
    loss = chosen(model)
    assert isinstance(loss, BlockedCrossEntropy)
    assert loss.head is model.head
    assert loss.smoothing == 0.1
    top = keras.metrics.SparseTopKCategoricalAccuracy()
    capped = Capped(num_layers=1, d_model=8, num_heads=2, dff=8, vocab_size=CLASSES)
    for whole in (
        chosen(transformer(), metrics=[top]),
        chosen(transformer(), step=tt.recipes.RDrop(1.0)),
        chosen(capped),
    ):
        assert type(whole) is LabelSmoothedCrossEntropy


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gpt2", "masked tokens", "compiled"])
def test_it_learns_the_same_when_blocks_are_chosen(kind, monkeypatch):
    frame = tt.everyday_corpus(size=60).train
    objective = tt.MaskedTokens() if kind == "masked tokens" else tt.NextToken()
    data = tt.DataProcess("en", objective=objective, vocab_size=400, max_length=16)
    data.fit(frame)

    def learnt():
        keras.utils.set_random_seed(0)
        sizes = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 8, "dropout": 0.0}
        sizes |= {"attention_dropout": 0.0, "pad_id": data.tokenizers[0].special_ids["pad"]}
        size = data.tokenizers[0].vocab_size
        if kind == "masked tokens":
            model = tt.Bert(size, **sizes, heads=["masked_lm"]).only("masked_lm")
        else:
            model = tt.Gpt2(size, **sizes).only("lm")
        options = {"jit_compile": kind == "compiled", "precision": "float32", "verbose": 0}
        optimizer = keras.optimizers.SGD(0.5)
        batches = data.batches(frame)
        trainer = tt.Trainer(model, batches, batches, optimizer=optimizer, **options)
        return trainer.train().history, trainer._loop.steps.testing.heads

    plain, heads = learnt()
    assert not heads
    monkeypatch.setattr("tftransformer.training.blocks.MANY_LOGITS", 0)
    blocked, heads = learnt()
    assert len(heads) == 1
    assert blocked.keys() == plain.keys()
    for name, values in plain.items():
        np.testing.assert_allclose(blocked[name], values, rtol=1e-4, err_msg=name)


@pytest.mark.slow
def test_metrics_that_need_all_logits_are_refused():
    with pytest.raises(ValueError, match="'top' needs all logits"):
        trained(
            lambda model: BlockedCrossEntropy(model.head),
            metrics=[keras.metrics.SparseTopKCategoricalAccuracy(name="top")],
        )


@pytest.mark.slow
def test_a_step_that_needs_all_logits_is_refused():
    with pytest.raises(ValueError, match="RDrop compares all logits, which BlockedCrossEntropy"):
        trained(lambda model: BlockedCrossEntropy(model.head), step=tt.recipes.RDrop(1.0))
