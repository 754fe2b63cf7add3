"""What the Trainer checks and builds before any long work starts."""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from tftransformer.training.checkpoints import Checkpointing, saved_states
from tftransformer.training.losses import LabelSmoothedCrossEntropy
from tftransformer.training.metrics import TokenAccuracy
from tftransformer.training.schedules import CustomSchedule


def check_callbacks(callbacks) -> list[keras.callbacks.Callback]:
    """Lists callbacks, or raises a TypeError for what is none."""
    callbacks = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "callbacks must be a list of keras.callbacks.Callback instances, such as "
                f"[keras.callbacks.TerminateOnNaN()]; it holds {callback!r}."
            )
    return callbacks


def check_kinds(loss, checkpointing) -> None:
    """Raises a TypeError for what gives no loss of each label, or no rule of saving."""
    if not isinstance(loss, keras.losses.Loss | None):
        raise TypeError(
            f"loss must be a keras.losses.Loss, such as LabelSmoothedCrossEntropy(0.1), not "
            f"{loss!r}."
        )
    if not isinstance(checkpointing, Checkpointing | None):
        raise TypeError(
            f"checkpointing must be a Checkpointing, such as Checkpointing(keep_last=10), not "
            f"{checkpointing!r}."
        )


def check_directory(directory, resume: bool) -> None:
    """Raises a ValueError if a fresh run would mix with an earlier one."""
    if directory is None:
        if resume:
            raise ValueError("resume=True needs the directory of the run: directory='runs/...'.")
    elif not resume and saved_states(directory):
        raise ValueError(
            f"{directory} holds the checkpoints of an earlier run. Go on with it: resume=True; "
            "or begin another: directory='...'."
        )


def check_place(progress, length: int | None) -> None:
    """Raises a ValueError where a run stands in the middle of an epoch of other data."""
    if progress.batch and None not in (progress.length, length) and progress.length != length:
        raise ValueError(
            f"The run stopped after batch {progress.batch} of {progress.length}, but train has "
            f"{length} batches: rows would be skipped or repeated. Resume with the same data and "
            "batch size."
        )


def check_strategy(strategy, jit_compile: bool, minutes: float | None) -> None:
    """Raises an error for what is no strategy, or does not work under this one."""
    if not isinstance(strategy, tf.distribute.Strategy):
        raise TypeError(
            "strategy must be a tf.distribute.Strategy, such as tf.distribute.MirroredStrategy(), "
            f"under whose scope() the model was created; got {strategy!r}."
        )
    if jit_compile and strategy.num_replicas_in_sync > 1:
        raise ValueError("jit_compile=True works on one replica only; leave it out.")
    if minutes is not None and is_cluster(strategy):
        raise ValueError(
            "minutes=... would stop the workers at different updates; limit steps=... instead."
        )


def is_cluster(strategy) -> bool:
    """Whether several processes train together."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_chief(strategy) -> bool:
    """Whether this process is the one of a cluster that writes."""
    if not is_cluster(strategy):
        return True
    resolver = strategy.cluster_resolver
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not has_chief and resolver.task_id in (None, 0))


def build(model: keras.Model, batches: dict, loss, optimizer, strategy) -> None:
    """Builds and compiles the model, and checks that it fits the data.

    Args:
        model: `keras.Model`, built or not.
        batches: the first (inputs, labels, weights) of the training and other data, by name.
        loss: `keras.losses.Loss`, or None for the default.
        optimizer: `keras.optimizers.Optimizer`, or None for the default.
        strategy: the strategy that the variables must belong to.

    Raises:
        ValueError: logits do not fit the labels, nothing is to be trained, or variables belong to
            another strategy.
    """
    with strategy.scope():
        for name, batch in batches.items():
            _check_batch(model, batch, name)
        if not model.trainable_variables:
            raise ValueError("No weight of the model is trainable: set model.trainable = True.")
        model.compile(
            optimizer=_default_optimizer(model) if optimizer is None else optimizer,
            loss=LabelSmoothedCrossEntropy(0.1) if loss is None else loss,
            weighted_metrics=[TokenAccuracy()],
        )
        _check_optimizer(model.optimizer, strategy)
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
    for variable in [*model.variables, *model.optimizer.variables]:
        if not strategy.extended.variable_created_in_scope(variable.value):
            raise ValueError(
                f"{variable.path} was not created under the strategy. Create model and optimizer "
                "under `with strategy.scope():`."
            )


def _check_batch(model: keras.Model, batch, name: str) -> None:
    """Raises a ValueError unless the model maps the batch to logits for its labels."""
    inputs, labels, _ = batch
    try:
        logits = model(tf.nest.map_structure(lambda part: part[:1], inputs), training=False)
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"The model cannot run on the first batch of {name}: an id or a position is beyond "
            "its tables. Is its vocabulary the one of the data?"
        ) from error
    if not tf.is_tensor(logits) or logits.shape[1:-1] != labels.shape[1:]:
        raise ValueError(
            "The model must map inputs to one tensor of logits (batch, ..., classes) for labels "
            f"{tuple(labels.shape)}; it returns {getattr(logits, 'shape', type(logits).__name__)} "
            "for one row."
        )
    classes = logits.shape[-1]
    lowest, highest = np.min(labels), np.max(labels)
    if lowest < 0 or highest >= classes:
        raise ValueError(
            f"The labels of the first batch of {name} go from {lowest} to {highest}, but the model "
            f"has {classes} classes (0 … {classes - 1}). Is its vocabulary the one of the data?"
        )


def _check_optimizer(optimizer, strategy) -> None:
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if inner.gradient_accumulation_steps:
        raise ValueError(
            "The optimizer's gradient_accumulation_steps weighs batches, not tokens; give "
            "gradient_accumulation to the Trainer instead."
        )
    clips = inner.clipnorm or inner.clipvalue or inner.global_clipnorm
    if clips and strategy.num_replicas_in_sync > 1:
        raise ValueError(
            "The optimizer would clip on each replica by itself; give clip_norm to the Trainer "
            "instead."
        )


def _default_optimizer(model) -> keras.optimizers.Optimizer:
    d_model = getattr(model, "d_model", None)
    if not isinstance(d_model, int):
        raise ValueError(
            f"{type(model).__name__} has no integer d_model for the default schedule; give "
            "optimizer=keras.optimizers.Adam(...)."
        )
    return keras.optimizers.Adam(CustomSchedule(d_model), beta_1=0.9, beta_2=0.98, epsilon=1e-9)
