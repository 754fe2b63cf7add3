"""A cross-entropy of hidden states and head, in blocks: not all logits stand in memory."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tftransformer.core import best_index, check_ints
from tftransformer.core.gradients import custom_gradient
from tftransformer.training.losses import LabelSmoothedCrossEntropy, LogitsLater


class Statistics(NamedTuple):
    """What loss and accuracy need of the logits of each token, tensors (tokens,).

    `normalizer` is their log-sum-exp, `chosen` the logit of the label, `mean` that of all classes,
    `best` the class of the highest one.
    """

    normalizer: tf.Tensor
    chosen: tf.Tensor
    mean: tf.Tensor
    best: tf.Tensor


class BlockedLogits(LogitsLater):
    """Hidden states with the head that makes logits of them.

    Args:
        hidden: float tensor (batch, …, d_model).
        head: layer from (tokens, d_model) to logits (tokens, classes).
        block: how many tokens' logits there are at a time.
    """

    def __init__(self, hidden: tf.Tensor, head: keras.layers.Layer, block: int):
        self.hidden, self.head, self.block = hidden, head, block
        classes = head.compute_output_shape((None, hidden.shape[-1]))[-1]
        self.shape = tf.TensorShape([*hidden.shape[:-1], classes])
        self._found: dict[Any, Statistics] = {}

    def cross_entropy(self, labels: tf.Tensor, smoothing: float) -> Any:
        found = self._statistics(labels)
        chosen = (1.0 - smoothing) * found.chosen + smoothing * found.mean
        return tf.reshape(found.normalizer - chosen, tf.shape(labels))

    def best(self, labels: tf.Tensor) -> Any:
        return tf.reshape(self._statistics(labels).best, tf.shape(labels))

    def _statistics(self, labels: tf.Tensor) -> Statistics:
        """One pass over the logits serves the loss and all metrics."""
        if labels.ref() not in self._found:
            rows = tf.reshape(self.hidden, (-1, self.hidden.shape[-1]))
            self._found[labels.ref()] = _scan(
                rows, tf.reshape(tf.cast(labels, "int32"), (-1,)), self.head, self.block
            )
        return self._found[labels.ref()]


class BlockedCrossEntropy(LabelSmoothedCrossEntropy):
    """`LabelSmoothedCrossEntropy` that a `Trainer` takes from hidden states and head, in blocks.

    The logits of a batch need tokens × classes numbers, several times over: with a large
    vocabulary more than all the rest of a step. Here there are those of `block` tokens at a time;
    the gradient computes them once more. It saves memory and costs time: a third more products in
    the head. Values and gradients are the same. Metrics of such an output are `TokenAccuracy` and
    `Perplexity`, which share the pass.

    Args:
        head: the layer of the model whose output is that output of the model.
        smoothing: as in `LabelSmoothedCrossEntropy`.
        block: int, number of tokens in a block.
        name: optional string.

    Example:

    >>> model = tt.Transformer(num_layers=1, d_model=8, num_heads=2, dff=8, vocab_size=50)
    >>> loss = BlockedCrossEntropy(model.head, smoothing=0.1, block=1024)
    """

    def __init__(
        self,
        head: keras.layers.Layer,
        smoothing: float = 0.1,
        *,
        block: int = 1024,
        name: str = "label_smoothed_cross_entropy",
    ):
        super().__init__(smoothing, name=name)
        check_ints(1, block=block)
        if not isinstance(head, keras.layers.Layer):
            raise TypeError(f"head must be a layer of the model, such as model.head, not {head!r}.")
        self.head, self.block = head, block

    def of(self, hidden: tf.Tensor) -> BlockedLogits:
        """Returns what the loss and the metrics take instead of logits."""
        return BlockedLogits(hidden, self.head, self.block)


@contextlib.contextmanager
def without_heads(heads: Sequence[keras.layers.Layer]) -> Iterator[None]:
    """Within it, these layers return the hidden states that they are called with."""
    for head in heads:
        head.call = _same
    try:
        yield
    finally:
        for head in heads:
            del head.call


def _same(hidden: Any, inputs: Any = None, training: Any = None) -> Any:
    return hidden


def _scan(hidden: tf.Tensor, labels: tf.Tensor, head: keras.layers.Layer, block: int) -> Statistics:
    """Statistics of hidden states (tokens, d_model) and labels (tokens,), block by block."""
    variables = head.trainable_variables
    tokens = tf.shape(labels)[0]
    blocks = -(-tokens // block)
    missing = blocks * block - tokens
    hidden = tf.pad(hidden, [[0, missing], [0, 0]])
    labels = tf.pad(labels, [[0, missing]])

    def logits_of(rows: Any, values: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return tf.cast(head(rows), "float32")

    def part(tensor: Any, index: Any) -> Any:
        return tensor[index * block : (index + 1) * block]

    @custom_gradient
    def scan(hidden: Any, *values: Any) -> Any:
        def of_block(index: Any) -> Any:
            logits, own = logits_of(part(hidden, index), values), part(labels, index)
            return (
                tf.reduce_logsumexp(logits, -1),
                tf.gather(logits, own, batch_dims=1),
                tf.reduce_mean(logits, -1),
                best_index(logits),
            )

        kinds = (*[tf.TensorSpec((block,), "float32")] * 3, tf.TensorSpec((block,), "int32"))
        found = tf.map_fn(
            of_block, tf.range(blocks), fn_output_signature=kinds, parallel_iterations=1
        )
        normalizers = tf.reshape(found[0], (-1,))

        def gradient(*upstream: Any) -> Any:
            slopes = [tf.reshape(one, (-1,)) for one in upstream[:3]]

            def backwards(index: Any, parts: Any, sums: Any) -> Any:
                rows, (by_all, by_label, by_mean) = (
                    part(hidden, index),
                    (part(slope, index)[:, None] for slope in slopes),
                )
                with tf.GradientTape() as tape:
                    tape.watch((rows, *values))
                    logits = logits_of(rows, values)
                classes = tf.shape(logits)[1]
                slope = tf.exp(logits - part(normalizers, index)[:, None]) * by_all
                slope += by_mean / tf.cast(classes, "float32")
                places = tf.stack([tf.range(block), part(labels, index)], 1)
                slope = tf.tensor_scatter_nd_add(slope, places, by_label[:, 0])
                first, *rest = tape.gradient(logits, [rows, *values], output_gradients=slope)
                sums = [a if b is None else a + b for a, b in zip(sums, rest, strict=True)]
                return index + 1, parts.write(index, first), sums

            parts = tf.TensorArray(
                hidden.dtype, size=blocks, element_shape=(block, hidden.shape[1])
            )
            start = (tf.constant(0), parts, [tf.zeros_like(value) for value in values])
            _, parts, sums = tf.while_loop(
                lambda index, *_: index < blocks, backwards, start, parallel_iterations=1
            )
            return (parts.concat(), *sums)

        return found, gradient

    found = scan(hidden, *[tf.convert_to_tensor(variable.value) for variable in variables])
    return Statistics(*(tf.reshape(one, (-1,))[:tokens] for one in found))
