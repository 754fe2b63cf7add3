"""Log-probabilities over clusters sum to one, and equal the two softmaxes they are made of."""

import keras
import numpy as np
import pytest

from tftransformer.heads import AdaptiveSoftmax
from tftransformer.layers import AdaptiveEmbedding

D, V = 8, 10
OPTIONS = {
    "one cluster": {},
    "one cluster, narrow": {"d_embed": 4},
    "clusters": {"cutoffs": (3, 7)},
    "clusters, narrow": {"cutoffs": (3, 7), "d_embed": 4},
    "shrinking": {"cutoffs": (3, 7), "d_embed": 4, "shrink": 2},
}


def make(options, tie=True, **given):
    """A head whose weights are all different from zero."""
    head = AdaptiveSoftmax(AdaptiveEmbedding(V, D, **options), tie_projections=tie, **given)
    head.build((None, None, D))
    for seed, weight in enumerate(head.weights):
        weight.assign(np.random.default_rng(seed).normal(size=weight.shape))
    return head


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("name", OPTIONS)
def test_the_softmax_of_clusters(name, tie, vectors):
    head, hidden = make(OPTIONS[name], tie), vectors(2, 3, D)
    found = np.array(head(hidden))
    assert found.shape == (2, 3, V)
    np.testing.assert_allclose(np.exp(found).sum(-1), 1, atol=1e-5)

    table = head.tied_to
    bias = np.concatenate([np.array(x) for x in head.biases])

    def softmax_of(cluster, more=None):
        start, end = table.clusters[cluster]
        states = hidden
        if table.projects:
            own = cluster == 0 or not tie
            states = hidden @ np.array(
                head.projections[cluster]
                if own
                else np.array(table.projections[cluster if table.shrink > 1 else 0]).T
            )
        logits = states @ np.array(table.cluster_table(cluster)).T + bias[start:end]
        if more is not None:
            extra = states @ np.array(head.cluster_table).T + np.array(head.cluster_bias)
            logits = np.concatenate([logits, extra], axis=-1)
        exponentials = np.exp(logits)
        return exponentials / exponentials.sum(-1, keepdims=True)

    tails = len(table.clusters) - 1
    first = softmax_of(0, more=tails or None)
    head_size = table.clusters[0][1]
    parts = [first[..., :head_size]]
    for n in range(tails):
        parts.append(first[..., head_size + n, None] * softmax_of(n + 1))
    np.testing.assert_allclose(np.exp(found), np.concatenate(parts, axis=-1), atol=1e-5)


def test_the_table_is_that_of_the_embedding():
    head = make(OPTIONS["shrinking"])
    tied = [id(weight) for weight in (*head.tied_to.tables, *head.tied_to.projections)]
    assert set(tied) <= {id(weight) for weight in head.weights}
    assert len(head.projections) == 1
    assert len(make(OPTIONS["shrinking"], tie=False).projections) == 3


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_precision(policy, vectors):
    found = make(OPTIONS["shrinking"], dtype=policy)(100 * vectors(2, 3, D))
    assert keras.backend.standardize_dtype(found.dtype) == policy.removeprefix("mixed_")
    assert np.all(np.isfinite(np.array(keras.ops.cast(found, "float32"))))


def test_config():
    head = make(OPTIONS["shrinking"], tie=False)
    copy = AdaptiveSoftmax.from_config(head.get_config())
    assert copy.tied_to.clusters == head.tied_to.clusters
    assert not copy.tie_projections
