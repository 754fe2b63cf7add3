"""Hooks that change a training run: the step, the gradients, what is carried from batch to batch.

Each is an object with a few methods; the base classes do what the Trainer does without a hook.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from tftransformer.training.outputs import Scored


class Run(Protocol):
    """What a `TrainStep` uses to compute on one batch of one replica."""

    def forward(self, inputs: Any, passes: int = 1) -> Any:
        """Returns the outputs of the model in training.

        Args:
            inputs: inputs of the batch.
            passes: how often each row passes through the model, with different dropout: all rows
                once, then all again. The first pass decides what is carried to the next batch.
        """

    def score(self, labels: Any, outputs: Any, weights: Any) -> tf.Tensor:
        """Returns the loss, and logs it with the metrics.

        It is the share of this batch in the loss of an update: the shares of all batches and
        replicas add up to `Σ weight · value / Σ weight`.
        """

    def match(self, labels: Any, outputs: Any, weights: Any) -> dict[str, Scored]:
        """Returns labels, outputs and weights of each output that has a loss, by its name."""

    def share(self, values: tf.Tensor, weights: tf.Tensor, output: str | None = None) -> tf.Tensor:
        """Returns `Σ weight · value / Σ weight` of your own values, as such a share.

        Args:
            values: float tensor (batch, …), one for each weight.
            weights: the weights of an output, or a part of their sum.
            output: name of that output; not needed where only one has a loss.
        """


class TrainStep:
    """What is computed for a training batch; by default the loss of the model's outputs.

    A subclass overrides `__call__`, which is traced into a graph.

    >>> class Noisy(TrainStep):
    ...     def __call__(self, run, inputs, labels, weights):
    ...         noise = tf.random.normal(tf.shape(inputs), stddev=0.1)
    ...         return run.score(labels, run.forward(inputs + noise), weights)
    """

    def __call__(self, run: Run, inputs: Any, labels: Any, weights: Any) -> tf.Tensor:
        """Returns what is to be minimised, a scalar: a sum of what `run` returned.

        Args:
            run: what to compute with; `run.score` is to be called once.
            inputs, labels, weights: a batch.
        """
        return run.score(labels, run.forward(inputs), weights)


class GradientRule:
    """What is done to the gradients of an update, and how far each variable moves.

    A subclass overrides some of the methods.

    >>> class HalfTheRate(GradientRule):
    ...     def update_scale(self, variable):
    ...         return 0.5 if "embeddings" in variable.path else 1.0
    """

    def begin(self, model: keras.Model) -> None:
        """Receives the built model that is to be trained, when the `Trainer` is made."""

    def gradients(
        self, gradients: Sequence[tf.Tensor], variables: Sequence[keras.Variable]
    ) -> list[tf.Tensor]:
        """Returns the gradients to clip and apply; runs in a graph.

        Args:
            gradients: gradients of the loss of an update, summed over its batches and replicas.
            variables: the variables that they belong to.
        """
        return list(gradients)

    def update_scale(self, variable: keras.Variable) -> float:
        """Returns the factor of the updates of a variable, weight decay included.

        It acts as a separate learning rate, even if the size of a step does not depend on the size
        of the gradient, as with Adam. It is called when a step is traced.
        """
        return 1.0


class Carry:
    """What is carried from batch to batch within an epoch, such as the memory of Transformer-XL.

    The rows of a batch must continue those of the previous batch. A subclass defines what is taken
    from the outputs and how it enters the next inputs. Nothing is carried into the first batch of
    an epoch or a validation, or if the number of rows changes. A resumed run continues with what
    was carried when it was saved.
    """

    def take(self, outputs: Any) -> Any:
        """Returns the tensors to be carried: one, or a list or dict of them, rows first."""
        raise NotImplementedError

    def give(self, inputs: Any, carried: Any) -> Any:
        """Returns the inputs of the next batch with what is carried."""
        raise NotImplementedError


class CarriedMemory(Carry):
    """The memory of models whose outputs and inputs are dicts (Dai et al. 2019, §3.2).

    Args:
        name: name of the output that becomes the input of that name.
        ids: name for the inputs if they are ids alone.
    """

    def __init__(self, name: str = "memory", ids: str = "token_ids"):
        self.name, self.ids = name, ids

    def take(self, outputs: Any) -> Any:
        if not isinstance(outputs, Mapping) or self.name not in outputs:
            has = sorted(outputs) if isinstance(outputs, Mapping) else "one output without a name"
            raise ValueError(
                f"CarriedMemory carries the output {self.name!r}; the model has {has}. Give the "
                "name of one: CarriedMemory(name=...)."
            )
        return outputs[self.name]

    def give(self, inputs: Any, carried: Any) -> Any:
        inputs = dict(inputs) if isinstance(inputs, Mapping) else {self.ids: inputs}
        return {**inputs, self.name: carried}
