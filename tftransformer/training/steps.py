"""The compiled work on one batch: gradients, update, and the sums the logs are made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tftransformer.core.device import Choice
from tftransformer.core.gradients import gradients_within
from tftransformer.training.blocks import without_heads
from tftransformer.training.carrying import NOTHING, Carried
from tftransformer.training.feeding import share_of
from tftransformer.training.hooks import Carry, GradientRule, TrainStep
from tftransformer.training.outputs import Scored, weighted
from tftransformer.training.precision import bfloat16_products, computing_in
from tftransformer.training.scores import Scores
from tftransformer.training.updates import updating


class Steps:
    """Training and evaluation steps of a model under a distribution strategy.

    The loss of an update is, for each output, the weighted sum of the losses divided by the sum of
    the weights, both over all replicas and all accumulated batches. Gradients are summed over
    replicas, then given to the rule, then clipped, then applied.

    Args:
        model: built `keras.Model`; its variables belong to `strategy`.
        optimizer: built for all variables that may be trained.
        training: `Scores` of training.
        testing: those of evaluation.
        strategy: `tf.distribute.Strategy`.
        variables: all that may be trained, now or after a callback; the optimizer knows them.
        clip_norm: highest global norm of the gradients, or None.
        accumulate: whether `train` gathers gradients for `update` instead of applying them.
        choice: how `train` computes on the device.
        step: what is computed of a batch.
        gradients: what happens to the gradients.
        carried: what goes from batch to batch in training and in evaluation, if anything does.
        say: is told what XLA begins to compile.

    Attributes:
        state: the variables that hold where an epoch stands.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        training: Scores,
        testing: Scores,
        strategy: tf.distribute.Strategy,
        *,
        variables: Sequence[keras.Variable],
        clip_norm: float | None = None,
        accumulate: bool = False,
        choice: Choice,
        step: TrainStep | None = None,
        gradients: GradientRule | None = None,
        carried: Sequence[Carried] = (),
        say: Callable[[str], None] = print,
    ):
        self.model, self.optimizer = model, optimizer
        self.training, self.testing = training, testing
        self.strategy = strategy
        self.clip_norm = clip_norm
        self.step = step or TrainStep()
        self.rule = gradients or GradientRule()
        self.replicas = strategy.num_replicas_in_sync
        self._variables = list(variables)
        self._carried = dict(zip((training, testing), carried, strict=False))
        self.state = [*training.state, *(v for own in carried[:1] for v in own.variables)]
        self._window = self._make_window() if accumulate else {}
        self._reached: set[int] = set()  # ids of the variables that losses depend on
        self._choice, self._jit_compile = choice, choice.jit_compile
        self._traces: dict[tuple, Any] = {}
        self._say = say

    def begin(self, scores: Scores) -> None:
        """Forgets the sums and what is carried: an epoch or an evaluation begins."""
        scores.reset()
        if scores in self._carried:
            self._carried[scores].forget()

    def train(self, batch: Any, spec: Any, totals: Any, part: float = 1.0) -> None:
        """Adds a batch to the sums, and updates the weights or gathers gradients.

        Args:
            batch: (inputs, labels, weights).
            spec: `element_spec` of the dataset it is from.
            totals: float32 (terms,), the weights of all batches of the update.
            part: what part of the update's batches it is.
        """
        own = "float32" if self._choice.rewrites else self._choice.precision
        with bfloat16_products(self._choice.rewrites), computing_in(self.model, own):
            self._pass(self._train, self.training, batch, spec, totals, np.float32(part))

    def update(self) -> None:
        """Applies the gradients gathered since the last update."""
        moved = tuple(number for number in self._trained() if number in self._reached)
        self._call(self._update, (), (), moved)

    def evaluate(self, batch: Any, spec: Any) -> None:
        """Adds a batch to the sums of evaluation."""
        self._pass(self._evaluate, self.testing, batch, spec)

    def _pass(
        self, function: Callable, scores: Scores, batch: Any, spec: Any, *numbers: Any
    ) -> None:
        numbers = tuple(map(tf.constant, numbers))
        carried = self._carried.get(scores)
        tensors, given = carried.given(batch) if carried else (NOTHING, NOTHING)
        following = self._call(
            function,
            (batch, tensors, *numbers),
            (spec, given, *map(tf.TensorSpec.from_tensor, numbers)),
            self._trained() if scores is self.training else (),
        )
        if carried:
            carried.keep(following)

    def _trained(self) -> tuple[int, ...]:
        """The ids of what is trainable now, which evaluation does not depend on."""
        return tuple(map(id, self.model.trainable_variables))

    def _call(self, function: Any, arguments: Any, spec: Any, variables: tuple[int, ...]) -> Any:
        # One trace serves all lengths that the dataset leaves open. XLA wants fixed shapes: a trace
        # for each, kept here, since tf.function would warn. What is trained is part of a trace.
        spec = arguments if self._jit_compile else spec
        leaves = tf.nest.flatten(spec, expand_composites=True)
        key = (
            function.__name__,
            len(tf.nest.flatten(arguments)),
            tuple((leaf.dtype, tuple(leaf.shape) if leaf.shape.rank else ()) for leaf in leaves),
            variables,
        )
        if key not in self._traces:
            self._announce(function.__name__, arguments)
            whole = self._jit_compile and self.replicas == 1  # else what each replica computes
            compiled = tf.function(function, jit_compile=whole, autograph=False)
            with (
                gradients_within(),
                updating(self.optimizer, self._variables, self.rule.update_scale),
            ):
                self._traces[key] = compiled.get_concrete_function(*spec)
        try:
            return self._traces[key](*arguments)
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(_no_room(_largest(arguments))) from error

    def _announce(self, name: str, arguments: Any) -> None:
        """Says that XLA begins to compile, which on a GPU takes about a minute."""
        if not self._jit_compile:
            return
        number = 1 + sum(known == name for known, *_ in self._traces)
        what = {"_train": "training", "_evaluate": "validation", "_update": "updates"}[name]
        largest = _largest(arguments)
        self._say(f"XLA compiles {what}: shape {number}{f', {largest}' * bool(largest)}.")

    def spread_seeds(self) -> None:
        """Gives each replica a seed of its own; equal ones would drop the same units."""
        if self.replicas > 1:
            self.strategy.run(self._spread_seeds)

    def _spread_seeds(self) -> None:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        for variable in self.model.non_trainable_variables:
            if variable.name == "seed_generator_state":
                variable.value.assign_add(tf.cast([replica, 0], variable.value.dtype))

    def _train(self, batch: Any, carried: Any, totals: Any, part: Any) -> Any:
        arguments = (batch, carried, totals, part)
        sums, kept, following = self.strategy.run(self._replica_train, args=arguments)
        self.training.update(self._total(sums), self._gathered(kept, batch))
        return following

    def _update(self) -> None:
        self.strategy.run(self._replica_update)

    def _evaluate(self, batch: Any, carried: Any) -> Any:
        sums, kept, following = self.strategy.run(self._replica_evaluate, args=(batch, carried))
        self.testing.update(self._total(sums), self._gathered(kept, batch))
        return following

    def _total(self, value: Any) -> Any:
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)

    def _gathered(self, kept: Mapping[str, Scored], batch: Any) -> Mapping[str, Scored]:
        """Returns the rows of all replicas, without those that `share_of` has added."""
        if self.replicas == 1 or not kept:
            return kept
        rows = tf.shape(tf.nest.flatten(batch)[0])[0]
        return {
            name: Scored(*(self.strategy.gather(part, axis=0)[:rows] for part in parts))
            for name, parts in kept.items()
        }

    def _replica_train(self, batch: Any, carried: Any, totals: Any, part: Any) -> Any:
        variables = self.model.trainable_variables
        gradients, *others = self._of_replica(self._gradients)(batch, carried, totals, part)
        if self._window:
            self._gather(gradients, variables)
        else:
            self._apply(gradients, variables)
        return others

    def _gradients(self, batch: Any, carried: Any, totals: Any, part: Any) -> Any:
        """Returns the gradients of one replica's rows, sums, what is kept, and what is carried."""
        inputs, labels, weights = share_of(batch, self.replicas)
        run = self._run(self.training, totals, carried)
        with tf.GradientTape() as tape:
            objective = self.step(run, inputs, labels, weights)
            penalties = [tf.cast(penalty, "float32") for penalty in self.model.losses]
            objective += part * sum(penalties) / self.replicas if penalties else 0.0
            objective = self.optimizer.scale_loss(objective)
        values = [variable.value for variable in self.model.trainable_variables]
        gradients = tape.gradient(objective, values)
        # Dense: slices with repeated rows would have another norm.
        gradients = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
        return gradients, run.sums, run.kept, run.following

    def _of_replica(self, function: Callable) -> Callable:
        """What a replica computes between two sums over all of them, which XLA may compile."""
        if not self._jit_compile or self.replicas == 1:
            return function
        return tf.function(function, jit_compile=True, autograph=False)

    def _replica_evaluate(self, batch: Any, carried: Any) -> Any:
        return self._of_replica(self._scored)(batch, carried)

    def _scored(self, batch: Any, carried: Any) -> Any:
        inputs, labels, weights = share_of(batch, self.replicas)
        totals = tf.ones((len(self.testing.terms),))  # of no interest: only sums are read
        run = self._run(self.testing, totals, carried)
        run.score(labels, run.forward(inputs), weights)
        return run.sums, run.kept, run.following

    def _run(self, scores: Scores, totals: Any, carried: Any) -> "_Run":
        carry = self._carried[scores].carry if scores in self._carried else None
        return _Run(self.model, scores, totals, carry, carried, scores is self.training)

    def _apply(self, gradients: Any, variables: Sequence[keras.Variable]) -> None:
        """Sums gradients over the replicas, and updates the variables as rule and clipping say."""
        pairs = [pair for pair in zip(gradients, variables, strict=True) if pair[0] is not None]
        if not pairs:
            raise ValueError(
                f"the loss depends on none of the {len(variables)} variables that are trained: too "
                "much of the model is frozen, or outputs are trained that come from elsewhere."
            )
        gradients, variables = zip(*pairs, strict=True)
        gradients = self._sum_over_replicas(list(gradients))
        gradients = self.rule.gradients(gradients, variables)
        if self.clip_norm is not None:
            limit = self.clip_norm * self.optimizer.scale_loss(tf.ones(()))
            gradients, _ = tf.clip_by_global_norm(gradients, limit)
        # Keras sums over the replicas once more.
        self.optimizer.apply([gradient / self.replicas for gradient in gradients], list(variables))

    def _sum_over_replicas(self, value: Any) -> Any:
        if self.replicas == 1:
            return value
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, value)

    def _make_window(self) -> dict[int, tf.Variable]:
        """One local accumulator for each variable that may be trained."""
        with self.strategy.scope():
            return {
                id(variable): tf.Variable(
                    tf.zeros(variable.shape),
                    trainable=False,
                    synchronization=tf.VariableSynchronization.ON_READ,
                    aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
                )
                for variable in self._variables
            }

    def _gather(self, gradients: Any, variables: Sequence[keras.Variable]) -> None:
        for gradient, variable in zip(gradients, variables, strict=True):
            if gradient is not None:
                self._reached.add(id(variable))
                self._window[id(variable)].assign_add(tf.cast(gradient, "float32"))

    def _replica_update(self) -> None:
        variables = self.model.trainable_variables
        # What no loss depends on has no gradient, as in a step of one batch: no zeros, which would
        # let it decay.
        own = [self._window[id(v)] if id(v) in self._reached else None for v in variables]
        self._apply([None if total is None else total.read_value() for total in own], variables)
        for total in self._window.values():
            total.assign(tf.zeros_like(total))


def _largest(arguments: Any) -> str:
    """The shape of the tensor with the most axes, in words; empty without one."""
    shapes = sorted((tuple(leaf.shape) for leaf in tf.nest.flatten(arguments)), key=len)
    return " × ".join(map(str, shapes[-1])) if shapes else ""


def _no_room(shape: str) -> str:
    return (
        f"the device has no room for a step on a batch of {shape or 'this size'}. Take fewer "
        "tokens at once: DataProcess(batch_tokens=…) or max_length=…, and gradient_accumulation=… "
        "for updates of as many tokens as before. With a large vocabulary most of it are logits: "
        "loss=BlockedCrossEntropy(head) takes them in blocks. What the run has saved is whole: "
        "with its directory and resume=True it goes on."
    )


class _Run:
    """What a `TrainStep` computes with: see `hooks.Run`.

    Attributes:
        sums, kept: what `Scores.added` and `Scores.kept` return.
        following: what is carried to the next batch, or `NOTHING`.
    """

    def __init__(
        self,
        model: keras.Model,
        scores: Scores,
        totals: Any,
        carry: Carry | None,
        carried: Any,
        training: bool,
    ):
        self._model, self._scores, self._totals = model, scores, totals
        self._carry, self._carried, self._training = carry, carried, training
        self.sums: Any = None
        self.kept: dict[str, Scored] = {}
        self.following: Any = NOTHING

    def forward(self, inputs: Any, passes: int = 1) -> Any:
        if self._carry is not None and self._carried is not NOTHING:
            inputs = self._carry.give(inputs, self._carried)
        if passes > 1:
            inputs = tf.nest.map_structure(lambda part: tf.concat([part] * passes, 0), inputs)
        with without_heads(self._scores.heads):
            outputs = self._model(inputs, training=self._training)
        if self._carry is not None:
            self.following = tf.nest.map_structure(
                lambda part: tf.split(part, passes)[0], self._carry.take(outputs)
            )
        return outputs

    def match(self, labels: Any, outputs: Any, weights: Any) -> dict[str, Scored]:
        return self._scores.match(labels, outputs, weights)

    def score(self, labels: Any, outputs: Any, weights: Any) -> tf.Tensor:
        batch = self.match(labels, outputs, weights)
        sums, counts = self._scores.losses(batch)
        self.sums, self.kept = self._scores.added(batch, sums, counts), self._scores.kept(batch)
        shares = zip(self._scores.terms, sums, tf.unstack(self._totals), strict=True)
        return sum(term.factor * tf.math.divide_no_nan(own, total) for term, own, total in shares)

    def share(self, values: tf.Tensor, weights: tf.Tensor, output: str | None = None) -> tf.Tensor:
        outputs = [term.output for term in self._scores.terms]
        total = self._totals[outputs.index(outputs[0] if output is None else output)]
        return tf.math.divide_no_nan(tf.reduce_sum(weighted(values, weights)), total)
