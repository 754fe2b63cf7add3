"""AllTokensPooler: padding does not count, both parts are those of numpy."""

import keras
import numpy as np
import pytest
from keras import ops

from tftransformer.heads import AllTokensPooler, SequenceHead

MASK = np.array([[True, True, True, False], [False, True, False, False], [False] * 4])


def pooled(hidden, parts):
    """The same, row by row."""
    rows = [
        row[real] if real.any() else row[:1] * 0 for row, real in zip(hidden, MASK, strict=True)
    ]
    found = {
        "mean": [row.mean(axis=0) for row in rows],
        "max": [row.max(axis=0) for row in rows],
        "first": [row[0] for row in rows],
        "mean_sqrt": [row.sum(axis=0) / len(row) ** 0.5 for row in rows],
    }
    return np.concatenate([found[part] for part in parts], axis=-1)


@pytest.mark.parametrize(
    "parts",
    [("mean",), ("max",), ("mean", "max"), ("max", "mean"), ("first", "mean_sqrt"), ("mean_sqrt",)],
    ids=str,
)
def test_it_pools_the_tokens_that_are_not_padding(parts, vectors):
    hidden = vectors(3, 4, 6)
    pooler = AllTokensPooler(parts)
    got = pooler(hidden, {"padding_mask": MASK})
    np.testing.assert_allclose(got, pooled(hidden, parts), atol=1e-6)
    assert pooler.compute_output_shape(hidden.shape) == got.shape
    other = np.where(MASK[..., None], hidden, np.float32(99))
    np.testing.assert_array_equal(pooler(other, {"padding_mask": MASK}), got)
    assert list(AllTokensPooler.from_config(pooler.get_config()).parts) == list(parts)


def test_the_mean_of_many_tokens_does_not_suffer_from_half_precision():
    hidden = ops.cast(np.ones((1, 4096, 1)), "bfloat16")
    pooler = AllTokensPooler(["mean"], dtype="bfloat16")
    got = pooler(hidden, {"padding_mask": np.ones((1, 4096), bool)})
    assert keras.backend.standardize_dtype(got.dtype) == "bfloat16"
    assert float(got[0, 0]) == 1.0


def test_gradients_are_finite_where_a_row_has_no_token(vectors, pull):
    head = SequenceHead(AllTokensPooler(), labels=2)
    loss = lambda hidden: ops.sum(head(hidden, {"padding_mask": MASK}) ** 2)  # noqa: E731
    (gradient,) = pull(loss, vectors(3, 4, 6))
    assert np.all(np.isfinite(gradient))
    assert not gradient[~MASK].any()
    assert gradient[MASK].any()


@pytest.mark.parametrize("parts", [(), "mean", ["median"]], ids=str)
def test_parts_that_it_does_not_know_are_named(parts):
    with pytest.raises(
        ValueError, match=r"parts must be some of \('mean', 'max', 'first', 'mean_sqrt'\)"
    ):
        AllTokensPooler(parts)
