"""The range test: what it leaves, what it finds, where it stops."""

import keras
import numpy as np
import pytest

from tftransformer.training import recipes


@pytest.mark.slow
def test_the_model_is_left_as_it_was_seeds_included(tiny):
    keras.utils.set_random_seed(0)
    model = tiny.tiny_model(dropout=0.3)
    before = [np.array(variable) for variable in model.variables]
    found = recipes.find_learning_rate(model, tiny.TinyBatches(4), updates=10, highest=0.1)
    for one, other in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(found.rates, np.geomspace(1e-6, 0.1, 10), rtol=1e-9)
    assert not model.stop_training
    assert getattr(model, "optimizer", None) is None


@pytest.mark.slow
def test_losses_are_those_of_each_batch_at_its_rate(tiny):
    """At a rate of almost nothing each loss is what an evaluation of that batch gives."""
    keras.utils.set_random_seed(0)
    model, batches = tiny.tiny_model(), tiny.TinyBatches(4)
    found = recipes.find_learning_rate(
        model, batches, updates=4, lowest=1e-12, highest=2e-12, precision="float32"
    )
    trainer = tiny.make(batches, model=model)
    alone = [trainer.evaluate(batches.dataset(0).skip(i).take(1))["loss"] for i in range(4)]
    np.testing.assert_allclose(found.losses, alone, rtol=1e-5)


@pytest.mark.slow
def test_a_loss_that_diverges_ends_the_test(tiny):
    found = recipes.find_learning_rate(
        tiny.tiny_model(),
        tiny.TinyBatches(4),
        optimizer=keras.optimizers.SGD(),
        updates=60,
        highest=1e8,
    )
    assert 3 < len(found.losses) < 60
    assert np.isfinite(found.losses).all()
    assert 1e-6 < found.suggestion < 1e2


def test_the_suggestion_is_a_tenth_of_the_rate_of_the_lowest_mean():
    losses = np.concatenate([np.full(50, 3.0), np.linspace(3, 1, 40), np.linspace(1, 4, 30)])
    losses[10] = 0.0  # one lucky batch
    found = recipes.LearningRates(np.geomspace(1e-6, 1, 120), losses)
    assert found.suggestion == pytest.approx(found.rates[89] / 10, rel=0.2)


def test_rates_that_do_not_rise_are_refused():
    with pytest.raises(ValueError, match="lowest"):
        recipes.find_learning_rate(None, None, lowest=1.0, highest=0.1)
