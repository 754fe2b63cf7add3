"""A cross-entropy computed from hidden states and head in blocks, to save memory."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tftransformer.core import best_index, check_ints
from tftransformer.core.gradients import custom_gradient
from tftransformer.training.losses import LabelSmoothedCrossEntropy, LogitsLater
from tftransformer.training.outputs import by_name

# Bytes of a batch's float32 logits from which on it is no slower to make them twice, in blocks.
MANY_LOGITS = 2**29


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
    """`LabelSmoothedCrossEntropy` that a `Trainer` computes from hidden states and head in blocks.

    The logits of a batch take tokens × classes numbers, several times over: with a large vocabulary
    that is more than the rest of a step. Here the logits of `block` tokens exist at a time; the
    gradient computes them again, which adds a third to the products of the head. Values and
    gradients are the same. The metrics of such an output must be `TokenAccuracy` and `Perplexity`,
    which share the pass. A `Trainer` uses it by default in place of `LabelSmoothedCrossEntropy` if
    the float32 logits of a batch would take more than half a GiB, the metrics allow it, no `step`
    needs the logits, and the model belongs to this package.

    Args:
        head: the layer of the model that computes the output.
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
        block: int = 512,
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


def in_blocks(
    loss: keras.losses.Loss, model: keras.Model, row: Any, output: str, logits: Any, places: int
) -> keras.losses.Loss:
    """Returns a loss that takes the logits of a batch in blocks, where they are many; or the loss.

    Args:
        loss: loss of the output.
        model: one that says which of its layers makes the logits, see
            `HeadedModel.language_model_head`; or another, which has them all.
        row: inputs of one row.
        output: the name of the output.
        logits: what the model returns for that row there.
        places: how many a batch has.
    """
    head_of = getattr(model, "language_model_head", None)
    many = type(loss) is LabelSmoothedCrossEntropy and 4 * places * logits.shape[-1] > MANY_LOGITS
    head = head_of(output) if many and head_of is not None else None
    if head is None:
        return loss
    with without_heads([head]):
        hidden = by_name(model, model(row, training=False))[output]
    # A model of one's own may do more with them.
    same = hidden.shape[:-1] == logits.shape[:-1] and np.allclose(head(hidden), logits, atol=1e-2)
    return BlockedCrossEntropy(head, loss.smoothing, name=loss.name) if same else loss


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
    # Read here, as a gradient of one's own may read no variable that TensorFlow calls trainable,
    # and the copies of one on several replicas do not hear that it is frozen.
    frozen = [
        (variable, tf.convert_to_tensor(variable.value))
        for variable in head.weights
        if not variable.trainable
    ]
    tokens = tf.shape(labels)[0]
    blocks = -(-tokens // block)
    missing = blocks * block - tokens
    # Of fixed size each: XLA cannot cut a number of rows that it does not know.
    hidden = tf.reshape(tf.pad(hidden, [[0, missing], [0, 0]]), (-1, block, hidden.shape[1]))
    labels = tf.reshape(tf.pad(labels, [[0, missing]]), (-1, block))

    def logits_of(rows: Any, values: Any) -> Any:
        trained = zip(variables, values, strict=True)
        with keras.StatelessScope(state_mapping=[*frozen, *trained]):
            return tf.cast(head(rows), "float32")

    @custom_gradient
    def scan(hidden: Any, *values: Any) -> Any:
        def of_block(given: Any) -> Any:
            rows, own = given
            logits = logits_of(rows, values)
            return (
                tf.reduce_logsumexp(logits, -1),
                tf.gather(logits, own, batch_dims=1),
                tf.reduce_mean(logits, -1),
                best_index(logits),
            )

        kinds = (*[tf.TensorSpec((block,), "float32")] * 3, tf.TensorSpec((block,), "int32"))
        found = tf.map_fn(
            of_block, (hidden, labels), fn_output_signature=kinds, parallel_iterations=1
        )
        normalizers = found[0]

        def gradient(*upstream: Any) -> Any:
            by_all, by_label, by_mean = upstream[:3]

            def backwards(index: Any, parts: Any, sums: Any) -> Any:
                rows = hidden[index]
                with tf.GradientTape() as tape:
                    tape.watch((rows, *values))
                    logits = logits_of(rows, values)
                classes = tf.cast(tf.shape(logits)[1], "float32")
                slope = tf.exp(logits - normalizers[index][:, None]) * by_all[index][:, None]
                slope += by_mean[index][:, None] / classes
                places = tf.stack([tf.range(block), labels[index]], 1)
                slope = tf.tensor_scatter_nd_add(slope, places, by_label[index])
                first, *rest = tape.gradient(logits, [rows, *values], output_gradients=slope)
                sums = [a if b is None else a + b for a, b in zip(sums, rest, strict=True)]
                return index + 1, parts.write(index, first), sums

            parts = tf.TensorArray(
                hidden.dtype, size=blocks, element_shape=(block, hidden.shape[-1])
            )
            start = (tf.constant(0), parts, [tf.zeros_like(value) for value in values])
            _, parts, sums = tf.while_loop(
                lambda index, *_: index < blocks, backwards, start, parallel_iterations=1
            )
            return (parts.stack(), *sums)

        return found, gradient

    found = scan(hidden, *[tf.convert_to_tensor(variable.value) for variable in variables])
    return Statistics(*(tf.reshape(one, (-1,))[:tokens] for one in found))
