"""The compiled work on one batch: gradients, update, and the sums the logs are made of."""

import keras
import tensorflow as tf

from tftransformer.training.feeding import split
from tftransformer.training.losses import label_smoothed_cross_entropy, symmetric_divergence
from tftransformer.training.metrics import correct_predictions
from tftransformer.training.one_pass import in_one_pass
from tftransformer.training.precision import bfloat16_products


class Steps:
    """Training and evaluation steps of a compiled model under a distribution strategy.

    The loss of a step is the weighted sum of the token losses divided by the sum of the weights,
    both over all replicas and all accumulated batches. Gradients are summed over replicas, then
    clipped, then applied.

    Args:
        model: built and compiled `keras.Model`; its variables belong to `strategy`.
        strategy: `tf.distribute.Strategy`.
        clip_norm: highest global norm of the gradients, or None.
        accumulate: whether `train` gathers gradients for `update` instead of applying them.
        jit_compile: whether XLA compiles the steps (one replica only).
        bfloat16: whether `train` multiplies matrices in bfloat16.
        r_drop: weight of R-Drop's divergence, for which each batch is computed twice, or None.
    """

    def __init__(
        self,
        model: keras.Model,
        strategy: tf.distribute.Strategy,
        *,
        clip_norm: float | None = None,
        accumulate: bool = False,
        jit_compile: bool = False,
        bfloat16: bool = False,
        r_drop: float | None = None,
    ):
        self.model = model
        self.strategy = strategy
        self.clip_norm = clip_norm
        self.r_drop = r_drop
        self.replicas = strategy.num_replicas_in_sync
        # Weighted loss, weighted correct predictions, weights; float64, so that long epochs add up.
        self.sums = tf.Variable(tf.zeros((3,), "float64"), trainable=False)
        self._window = self._make_window() if accumulate else None
        self._jit_compile, self._bfloat16 = jit_compile, bfloat16
        if self.replicas > 1:
            strategy.run(self._spread_seeds)
        self._traces = {}

    def train(self, batch, spec) -> None:
        """Adds a batch to `sums`, and updates the weights or gathers gradients.

        Args:
            batch: (inputs, labels, weights).
            spec: `element_spec` of the dataset it is from.
        """
        with bfloat16_products(self._bfloat16):
            self._call(self._train, batch, spec)

    def update(self) -> None:
        """Applies the gradients gathered since the last update."""
        self._call(self._update, (), ())

    def evaluate(self, batch, spec) -> tf.Tensor:
        """Weighted loss, correct predictions, negative log-likelihood; weights: float64 (4,)."""
        return self._call(self._evaluate, batch, spec)

    def _call(self, function, batch, spec):
        # One trace serves all lengths that the dataset leaves open. XLA and the reduction over
        # replicas want fixed shapes: a trace for each, kept here, since tf.function would warn.
        if self.replicas > 1 or self._jit_compile:
            batch = split(batch, self.strategy)
            spec = batch
        leaves = tf.nest.flatten(spec, expand_composites=True)
        key = (function, *((leaf.dtype, tuple(leaf.shape)) for leaf in leaves))
        if key not in self._traces:
            compiled = tf.function(function, jit_compile=self._jit_compile, autograph=False)
            with in_one_pass(self.model.optimizer):
                self._traces[key] = compiled.get_concrete_function(*spec)
        return self._traces[key](*batch)

    def _spread_seeds(self):
        # Each replica has its own copy of a seed; equal ones would drop the same units.
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        for variable in self.model.non_trainable_variables:
            if variable.name == "seed_generator_state":
                variable.value.assign_add(tf.cast([replica, 0], variable.value.dtype))

    def _train(self, inputs, labels, weights):
        sums = self.strategy.run(self._replica_train, args=(inputs, labels, weights))
        self.sums.assign_add(self._total(sums))

    def _update(self):
        self.strategy.run(self._replica_update)

    def _evaluate(self, inputs, labels, weights):
        return self._total(
            self.strategy.run(self._replica_evaluate, args=(inputs, labels, weights))
        )

    def _total(self, value):
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None)

    def _replica_train(self, inputs, labels, weights):
        optimizer = self.model.optimizer
        variables = self.model.trainable_variables
        weights = tf.cast(weights, "float32")
        if self.r_drop:
            inputs, labels, weights = tf.nest.map_structure(_twice, (inputs, labels, weights / 2))
        weight = tf.reduce_sum(weights)
        global_weight = self._sum_over_replicas(weight)
        with tf.GradientTape() as tape:
            logits = self.model(inputs, training=True)
            loss = tf.reduce_sum(self._token_losses(labels, logits) * weights)
            objective = loss
            if self.r_drop:
                objective += self.r_drop * _divergence_of_halves(logits, weights)
            objective = tf.math.divide_no_nan(objective, global_weight)
            penalties = [tf.cast(penalty, "float32") for penalty in self.model.losses]
            objective += sum(penalties) / self.replicas if penalties else 0.0
            objective = optimizer.scale_loss(objective)
        gradients = tape.gradient(objective, [variable.value for variable in variables])
        # Dense: slices with repeated rows would have another norm.
        gradients = [None if g is None else tf.convert_to_tensor(g) for g in gradients]
        if self._window:
            self._gather(gradients, global_weight)
        else:
            self._apply(gradients)
        correct = tf.reduce_sum(correct_predictions(labels, logits) * weights)
        return tf.cast(tf.stack([loss, correct, weight]), "float64")

    def _replica_evaluate(self, inputs, labels, weights):
        logits = self.model(inputs, training=False)
        weights = tf.cast(weights, "float32")
        values = [
            self._token_losses(labels, logits),
            correct_predictions(labels, logits),
            label_smoothed_cross_entropy(labels, logits, smoothing=0.0),
            tf.ones_like(weights),
        ]
        return tf.cast(tf.stack([tf.reduce_sum(value * weights) for value in values]), "float64")

    def _token_losses(self, labels, logits):
        loss = self.model.loss
        return tf.cast(loss.call(labels, tf.cast(logits, loss.dtype)), "float32")

    def _apply(self, gradients):
        """Sums gradients over the replicas, clips, and updates the variables."""
        pairs = zip(gradients, self.model.trainable_variables, strict=True)
        gradients, variables = zip(*(pair for pair in pairs if pair[0] is not None), strict=True)
        gradients = self._sum_over_replicas(list(gradients))
        optimizer = self.model.optimizer
        if self.clip_norm is not None:
            limit = self.clip_norm * optimizer.scale_loss(tf.ones(()))
            gradients, _ = tf.clip_by_global_norm(gradients, limit)
        # Keras sums over the replicas once more.
        optimizer.apply([gradient / self.replicas for gradient in gradients], list(variables))

    def _sum_over_replicas(self, value):
        if self.replicas == 1:
            return value
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.SUM, value)

    def _make_window(self):
        """One local accumulator for each trainable variable, and one for the weights."""
        shapes = [variable.shape for variable in self.model.trainable_variables]
        with self.strategy.scope():
            return [
                tf.Variable(
                    tf.zeros(shape),
                    trainable=False,
                    synchronization=tf.VariableSynchronization.ON_READ,
                    aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
                )
                for shape in [*shapes, ()]
            ]

    def _gather(self, gradients, global_weight):
        # Gradients of batch means; times their weights they become sums again.
        for total, gradient in zip(self._window[:-1], gradients, strict=True):
            if gradient is not None:
                total.assign_add(tf.cast(gradient, "float32") * global_weight)
        self._window[-1].assign_add(global_weight)

    def _replica_update(self):
        totals = [tf.convert_to_tensor(total) for total in self._window]
        self._apply([tf.math.divide_no_nan(total, totals[-1]) for total in totals[:-1]])
        for total in self._window:
            total.assign(tf.zeros_like(total))


def _twice(tensor):
    return tf.concat([tensor, tensor], axis=0)


def _divergence_of_halves(logits, weights):
    """Weighted sum of the divergences between the rows of one half of a batch and the other's."""
    first, second = tf.split(logits, 2)
    return tf.reduce_sum(symmetric_divergence(first, second) * tf.split(weights, 2)[0])
