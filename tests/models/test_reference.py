"""The post-norm Transformer of the paper in plain numpy, and attention rows that see nothing."""

import numpy as np
import pytest
from keras import ops

from tftransformer.layers import AttentionState, MultiHeadAttention
from tftransformer.models import Transformer

D, HEADS, DFF, V = 8, 2, 12, 11
SOURCE = np.array([[5, 6, 7, 3, 0], [8, 3, 0, 0, 0]], "int32")
TARGET = np.array([[2, 7, 6], [2, 9, 0]], "int32")


class Paper:
    """Vaswani et al. 2017, one row at a time, in float64. Weights are looked up by path."""

    def __init__(self, model):
        self.weights = {w.path.split("/", 1)[1]: np.array(w, "float64") for w in model.weights}

    def dense(self, name, x):
        return x @ self.weights[f"{name}/kernel"] + self.weights[f"{name}/bias"]

    def norm(self, name, x):  # Ba et al. 2016
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        return x * self.weights[f"{name}/norm/gamma"] + self.weights[f"{name}/norm/beta"]

    def attention(self, name, x, memory, sees):  # §3.2
        q, k, v = (self.dense(f"{name}/{n}", y) for n, y in
                   (("query", x), ("key", memory), ("value", memory)))  # fmt: skip
        heads = []
        for h in range(HEADS):
            part = slice(h * D // HEADS, (h + 1) * D // HEADS)
            scores = q[:, part] @ k[:, part].T / np.sqrt(D / HEADS)
            weights = np.where(sees, np.exp(scores), 0)
            heads.append(weights / weights.sum(-1, keepdims=True) @ v[:, part])
        return self.dense(f"{name}/output", np.concatenate(heads, -1))

    def feed_forward(self, name, x):  # §3.3
        return self.dense(f"{name}/outer", np.maximum(self.dense(f"{name}/inner", x), 0))

    def embed(self, ids):  # §3.4, §3.5
        p, j = np.arange(len(ids))[:, None], np.arange(D)[None]
        angle = p / 10000 ** (2 * (j // 2) / D)
        position = np.where(j % 2 == 0, np.sin(angle), np.cos(angle))
        return self.weights["encoder/source_embeddings/table/embeddings"][ids] * D**0.5 + position

    def logits(self, source, target, layers):
        x, real = self.embed(source), (source != 0)[None]
        for n in range(layers):
            name = f"encoder/layer_{n}"
            x = self.norm(f"{name}/attention_residual",
                          x + self.attention(f"{name}/attention", x, x, real))  # fmt: skip
            x = self.norm(f"{name}/feed_forward_residual",
                          x + self.feed_forward(f"{name}/feed_forward", x))  # fmt: skip
        y = self.embed(target)
        sees = np.tril(np.ones((len(target),) * 2, bool)) & (target != 0)[None]
        for n in range(layers):
            name = f"decoder/layer_{n}"
            y = self.norm(f"{name}/attention_residual",
                          y + self.attention(f"{name}/attention", y, y, sees))  # fmt: skip
            y = self.norm(f"{name}/cross_attention_residual",
                          y + self.attention(f"{name}/cross_attention", y, x, real))  # fmt: skip
            y = self.norm(f"{name}/feed_forward_residual",
                          y + self.feed_forward(f"{name}/feed_forward", y))  # fmt: skip
        return y @ self.weights["encoder/source_embeddings/table/embeddings"].T


@pytest.mark.slow
def test_the_model_is_the_one_of_the_paper():
    model = Transformer(2, D, HEADS, DFF, vocab_size=V)
    model.build()
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=w.shape, scale=0.5) for w in model.weights])
    logits = np.array(model({"source_ids": SOURCE, "target_ids": TARGET}))
    paper = Paper(model)
    for row in range(2):
        expected = paper.logits(SOURCE[row], TARGET[row], layers=2)
        np.testing.assert_allclose(logits[row], expected, atol=2e-4)


@pytest.mark.slow_after(1)
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_query_that_sees_nothing_gets_exactly_the_output_bias(vectors, pull, dtype):
    layer = MultiHeadAttention(D, HEADS, dtype=dtype)
    x = vectors(2, 4, D)
    layer.build(x.shape)
    layer.output_projection.bias.assign(np.arange(D))
    mask = np.ones((2, 1, 4, 4), bool)
    mask[0, :, 2] = False
    state = AttentionState()
    output = np.array(ops.cast(layer(x, attention_mask=mask, state=state), "float32"))
    assert np.all(np.array(state.weights)[0, :, 2] == 0)
    np.testing.assert_array_equal(output[0, 2], np.arange(D))
    sums = np.sum(state.weights, axis=-1)
    np.testing.assert_allclose(sums, np.broadcast_to(mask.any(-1), sums.shape), atol=1e-6)
    (gradient,) = pull(lambda x: ops.sum(ops.cast(layer(x, attention_mask=mask), "float32")), x)
    assert np.all(np.isfinite(gradient))


def test_a_position_bias_is_added_to_the_scores(vectors):
    layer, x = MultiHeadAttention(D, HEADS), vectors(1, 3, D)
    bias = np.where(np.eye(3, dtype=bool), 60.0, 0.0)[None, None]
    state = AttentionState()
    layer(x, position_bias=bias, state=state)
    np.testing.assert_allclose(state.weights, np.broadcast_to(np.eye(3), (1, 2, 3, 3)), atol=1e-6)
