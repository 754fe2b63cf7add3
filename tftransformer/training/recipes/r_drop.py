"""R-Drop."""

from typing import Any

import tensorflow as tf

from tftransformer.core import check_numbers
from tftransformer.training.hooks import Run, TrainStep
from tftransformer.training.losses import LogitsLater, symmetric_divergence


class RDrop(TrainStep):
    """Each batch passes twice, with different dropout, and the two predictions should agree.

    Trains on the mean of the losses of both passes and `alpha / 2` times the mean of both
    Kullback-Leibler divergences between their predictions (Liang et al. 2021, eq. 4; half of
    theirs, which sums the passes). The divergence is not included in the reported loss. A step
    takes twice as long.

    Args:
        alpha: float, weight of the divergence; the paper uses 5 for translation.

    >>> data = tt.DataProcess("en", "de", vocab_size=500)
    >>> train, validation = data.prepare(tt.everyday_corpus(size=1000).train, test_size=0.1)
    >>> vocab_size = data.source_tokenizer.vocab_size
    >>> model = tt.Transformer(1, 16, num_heads=2, dff=32, vocab_size=vocab_size)
    >>> trainer = tt.Trainer(model, train, step=tt.recipes.RDrop(5.0))
    """

    def __init__(self, alpha: float):
        check_numbers(0, alpha=alpha)
        self.alpha = float(alpha)

    def __call__(self, run: Run, inputs: Any, labels: Any, weights: Any) -> tf.Tensor:
        labels = tf.nest.map_structure(_twice, labels)
        weights = tf.nest.map_structure(lambda part: _twice(tf.cast(part, "float32") / 2), weights)
        outputs = run.forward(inputs, passes=2)
        loss = run.score(labels, outputs, weights)
        for name, part in run.match(labels, outputs, weights).items():
            if not part.is_of_classes:
                raise ValueError(
                    f"RDrop compares predictions of classes; the outputs {name!r} are values."
                )
            if isinstance(part.outputs, LogitsLater):
                raise ValueError(
                    "RDrop compares all logits, which BlockedCrossEntropy does not make: give "
                    "LabelSmoothedCrossEntropy, which takes them at once, or leave out RDrop."
                )
            divergences = symmetric_divergence(*tf.split(part.outputs, 2))
            loss += self.alpha * run.share(divergences, tf.split(part.weights, 2)[0], name)
        return loss


def _twice(tensor: tf.Tensor) -> tf.Tensor:
    return tf.concat([tensor, tensor], axis=0)
