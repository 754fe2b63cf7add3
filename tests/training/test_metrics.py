import keras
import numpy as np
import pytest

from tftransformer.training import Perplexity, TokenAccuracy


def batches():
    """Two batches of different lengths, so that a mean of means would be wrong."""
    rng = np.random.default_rng(1)
    for rows, length in [(3, 4), (2, 9)]:
        logits = rng.normal(size=(rows, length, 6)).astype("float32")
        labels = rng.integers(0, 6, (rows, length)).astype("int32")
        weights = (rng.random((rows, length)) > 0.4).astype("float32")
        yield labels, logits, weights


def flat():
    labels, logits, weights = zip(*batches(), strict=True)
    rows = np.concatenate([part.reshape(-1, 6) for part in logits]).astype("float64")
    names, kept = (np.concatenate([part.ravel() for part in parts]) for parts in (labels, weights))
    return names, rows, kept


def expected_accuracy():
    labels, logits, weights = flat()
    return ((logits.argmax(-1) == labels) * weights).sum() / weights.sum()


def expected_perplexity():
    labels, logits, weights = flat()
    log_likelihood = logits[np.arange(len(labels)), labels] - np.log(np.exp(logits).sum(-1))
    return np.exp(-(log_likelihood * weights).sum() / weights.sum())


CASES = [(TokenAccuracy, expected_accuracy), (Perplexity, expected_perplexity)]


@pytest.mark.parametrize(("metric_class", "expected"), CASES)
def test_metric_is_exact_over_batches_of_any_shape(metric_class, expected):
    metric = metric_class()
    for labels, logits, weights in batches():
        metric.update_state(labels, logits, sample_weight=weights)
    np.testing.assert_allclose(metric.result(), expected(), rtol=1e-5)
    metric.reset_state()
    for labels, logits, weights in batches():  # one row at a time
        for row in range(len(labels)):
            metric.update_state(labels[row : row + 1], logits[row : row + 1], weights[row][None])
    np.testing.assert_allclose(metric.result(), expected(), rtol=1e-5)


@pytest.mark.parametrize("metric_class", [TokenAccuracy, Perplexity])
def test_padding_moves_nothing_even_if_it_is_not_finite(metric_class):
    labels, logits, weights = next(batches())
    plain, spoiled = metric_class(), metric_class()
    plain.update_state(labels, logits, weights)
    spoiled.update_state(labels, np.where(weights[..., None] == 0, np.nan, logits), weights)
    assert float(plain.result()) == float(spoiled.result())


@pytest.mark.parametrize("metric_class", [TokenAccuracy, Perplexity])
def test_a_weight_of_a_row_is_that_of_its_tokens(metric_class):
    labels, logits, _ = next(batches())
    rows = np.arange(len(labels), dtype="float32")
    of_rows, of_tokens = metric_class(), metric_class()
    of_rows.update_state(labels, logits, rows)
    of_tokens.update_state(labels, logits, np.broadcast_to(rows[:, None], labels.shape))
    assert float(of_rows.result()) == float(of_tokens.result())


def test_without_weights_every_token_counts():
    metric = TokenAccuracy()
    metric.update_state(np.array([[0, 1]]), np.array([[[2.0, 1.0], [2.0, 1.0]]]))
    assert float(metric.result()) == 0.5


@pytest.mark.parametrize("metric_class", [TokenAccuracy, Perplexity])
def test_metric_serialises(metric_class):
    metric = metric_class(name="m")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert type(copy) is metric_class
    assert copy.name == "m"
