"""What the Trainer checks and builds before any long work starts."""

import dataclasses
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tftransformer.core import check_ints, check_numbers
from tftransformer.core.device import (
    FEW_SHAPES,
    VALIDATION_SHAPES,
    Choice,
    choose,
    may_compile,
)
from tftransformer.training.checkpoints import Checkpointing
from tftransformer.training.feeding import in_few_shapes, num_shapes
from tftransformer.training.hardware import current_device
from tftransformer.training.hooks import Carry, GradientRule, TrainStep
from tftransformer.training.outputs import by_name, with_rank
from tftransformer.training.precision import precision_of
from tftransformer.training.run_directory import check_directory
from tftransformer.training.schedules import CustomSchedule
from tftransformer.training.scores import Scores, named


def check_backend() -> None:
    """Raises a ValueError under another backend of Keras than TensorFlow."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(f"Trainer needs KERAS_BACKEND=tensorflow, not {keras.backend.backend()}.")


def check_arguments(
    *,
    has_validation: bool,
    strategy: tf.distribute.Strategy | None = None,
    optimizer: Any = None,
    epochs: int = 1,
    steps: int | None = None,
    minutes: float | None = None,
    directory: str | Path | None = None,
    resume: bool = False,
    checkpointing: Checkpointing | None = None,
    gradient_accumulation: int = 1,
    clip_norm: float | None = None,
    jit_compile: bool | str = "auto",
    precision: str = "auto",
    deterministic: bool = False,
    step: TrainStep | None = None,
    gradients: GradientRule | None = None,
    carry: Carry | None = None,
    **_: Any,
) -> None:
    """Raises an error for what of the arguments of a `Trainer` has no sense, whatever is trained.

    Who makes batches and a model first can ask it before.

    Args:
        has_validation: whether there will be something to validate on.
        strategy, optimizer, epochs, steps, minutes, directory, resume, checkpointing,
        gradient_accumulation, clip_norm, jit_compile, precision, deterministic, step, gradients,
        carry: as the `Trainer` takes them.
        **_: its other arguments.
    """
    check_ints(1, epochs=epochs, gradient_accumulation=gradient_accumulation)
    check_ints(1, or_none=True, steps=steps)
    check_numbers(0, or_none=True, minutes=minutes, clip_norm=clip_norm)
    check_kinds(checkpointing, step, gradients, carry)
    strategy = strategy or tf.distribute.get_strategy()
    check_strategy(strategy, minutes, carry)
    check_directory(directory, resume)
    (checkpointing or Checkpointing()).check_monitor(has_validation)
    if optimizer is not None:
        _check_optimizer(keras.optimizers.get(optimizer), strategy)
        if isinstance(optimizer, keras.optimizers.Optimizer):
            _check_scope(optimizer.variables, strategy)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of is told when training is prepared
        choose(
            current_device(),
            precision=precision,
            jit_compile=jit_compile,
            deterministic=deterministic,
        )


def check_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Lists callbacks, or raises a TypeError for what is none."""
    callbacks = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks]
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise TypeError(
                "callbacks must be a list of keras.callbacks.Callback instances, such as "
                f"[keras.callbacks.TerminateOnNaN()]; it holds {callback!r}."
            )
        if isinstance(callback, keras.callbacks.BackupAndRestore):
            raise ValueError(
                "BackupAndRestore would bring back the weights but not the place in the data, and "
                "all epochs would be trained again. The Trainer resumes by itself: "
                "Trainer(..., directory='runs/...', resume=True)."
            )
    return callbacks


def check_monitors(
    callbacks: Sequence[keras.callbacks.Callback], checkpointing: Any, names: Collection[str]
) -> None:
    """Raises a ValueError where something watches a value that nothing logs.

    Args:
        callbacks: of a person; one of their own may log more, and then anything goes.
        checkpointing: `Checkpointing` of a person, or None.
        names: what is logged.
    """
    known = "keras.", "tftransformer."
    if not all(type(callback).__module__.startswith(known) for callback in callbacks):
        return
    for one in [*callbacks, checkpointing]:
        monitor = getattr(one, "monitor", None)
        if monitor is not None and monitor not in {*names, "learning_rate"}:
            raise ValueError(
                f"{type(one).__name__}(monitor={monitor!r}) watches what no epoch logs; the logs "
                f"hold {', '.join(names)}."
            )


def check_kinds(checkpointing: Any, step: Any, gradients: Any, carry: Any) -> None:
    """Raises a TypeError for an argument of another kind."""
    for name, value, kind, example in (
        ("checkpointing", checkpointing, Checkpointing, "Checkpointing(keep_last=10)"),
        ("step", step, TrainStep, "tt.recipes.RDrop(5.0)"),
        ("gradients", gradients, GradientRule, "an object of a subclass of it"),
        ("carry", carry, Carry, "CarriedMemory()"),
    ):
        if not isinstance(value, kind | None):
            raise TypeError(f"{name} must be a {kind.__name__}, such as {example}, not {value!r}.")


def with_monitor(settings: Checkpointing, objective: Any, has_validation: bool) -> Checkpointing:
    """Returns the settings with a monitor: their own, the objective's, or the loss."""
    if settings.monitor is not None or objective is None or not has_validation:
        return settings
    return dataclasses.replace(settings, monitor=objective.monitor, mode=objective.mode)


def check_strategy(
    strategy: tf.distribute.Strategy, minutes: float | None, carry: Carry | None
) -> None:
    """Raises an error for what is no strategy, or does not work under this one."""
    if not isinstance(strategy, tf.distribute.Strategy):
        raise TypeError(
            "strategy must be a tf.distribute.Strategy, such as tf.distribute.MirroredStrategy(), "
            f"under whose scope() the model was created; got {strategy!r}."
        )
    if minutes is not None and is_cluster(strategy):
        raise ValueError(
            "minutes=... would stop the workers at different updates; limit steps=... instead."
        )
    if carry is not None and strategy.num_replicas_in_sync > 1:
        raise ValueError(
            f"carry={type(carry).__name__}(...) works on one replica only: what is carried belongs "
            "to the rows of a batch, and these are split anew each time. Leave out the strategy."
        )


def check_order(carry: Carry | None, batches: Mapping[str, Any], model: keras.Model) -> None:
    """Raises a ValueError where something is carried and batches say that no row goes on.

    Warns where rows go on, and a model with a memory is not given it.
    """
    if carry is None:
        if hasattr(model, "with_memory") and getattr(batches["train"], "in_order", False):
            warnings.warn(
                f"The rows of train go on where those of the batch before ended, of which "
                f"{type(model).__name__} remembers nothing: carry=CarriedMemory() hands it on.",
                stacklevel=4,
            )
        return
    for name, own in batches.items():
        if not getattr(own, "in_order", True):
            raise ValueError(
                f"carry={type(carry).__name__}(...) needs rows that go on where those of the batch "
                f"before ended, and those of {name} do not: DataProcess(..., "
                "objective=NextToken(documents='streams')) reads them so."
            )


def is_cluster(strategy: tf.distribute.Strategy) -> bool:
    """Whether several processes train together."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one of a cluster that writes."""
    if not is_cluster(strategy):
        return True
    resolver = strategy.cluster_resolver
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not has_chief and resolver.task_id in (None, 0))


def check_padding(model: keras.Model, batches: Any) -> None:
    """Raises a ValueError where the model takes another id for padding than the data is padded by.

    Where the data has a mask besides, which tells the model better, it is a warning.

    Args:
        model: whose `pad_ids` are for each input of ids the name of its mask and the id.
        batches: whose `padding_row` is a row of the inputs that holds nothing else.
    """
    padded = getattr(batches, "padding_row", None)
    padded = padded if isinstance(padded, Mapping) else {"token_ids": padded}
    for name, (mask, known) in getattr(model, "pad_ids", {}).items():
        given = padded.get(name)
        if given is None or known is None or given.flat[0] == known:
            continue
        told = (
            f"{name} are padded with the id {given.flat[0]}, which is that of the tokenizer, but "
            f"the model takes {known} for padding: make it with pad_id={given.flat[0]}."
        )
        if mask not in padded:
            raise ValueError(told)
        warnings.warn(
            f"{told} Training goes by {mask}; ids alone the model will read wrongly.", stacklevel=3
        )


def check_model(
    model: keras.Model, batches: Mapping[str, tuple], strategy: tf.distribute.Strategy
) -> Any:
    """Builds the model and checks that it can read the data.

    Args:
        model: `keras.Model`, built or not.
        batches: the first (inputs, labels, weights) of the training and other data, by name.
        strategy: the strategy that the variables must belong to.

    Returns:
        What the model returns for the first row of the batches, by their names.
    """
    outputs = {}
    with strategy.scope():
        for name, (inputs, *_) in batches.items():
            row = tf.nest.map_structure(lambda part: part[:1], inputs)
            try:
                outputs[name] = model(row, training=False)
            except tf.errors.InvalidArgumentError as error:
                raise ValueError(
                    f"The model cannot run on the first batch of {name}: an id or a position is "
                    "beyond its tables. Is its vocabulary the one of the data?"
                ) from error
    if not model.trainable_variables:
        raise ValueError("No weight of the model is trainable: set model.trainable = True.")
    return outputs


def check_objective(
    objective: Any, scores: Scores, batch: tuple, strategy: tf.distribute.Strategy
) -> None:
    """Raises a ValueError where the model cannot learn what the objective of the data asks.

    Args:
        objective: that of the training data, or None.
        scores: those of training, which know the model and its outputs.
        batch: the first (inputs, labels, weights) of the training data.
        strategy: the strategy that the variables belong to.
    """
    if objective is None:
        return
    inputs, labels, weights = batch
    _, weights = named(labels, weights, list(scores.ranks), scores.used)

    def compute(inputs: Any) -> dict[str, Any]:
        return by_name(scores.model, scores.model(inputs, training=False))

    with strategy.scope():
        objective.check_model(compute, inputs, weights)


def check_labels(scores: Scores, outputs: Mapping[str, Any], batches: Mapping[str, tuple]) -> None:
    """Raises a ValueError where labels of the first batches do not fit the outputs for them."""
    for name, (_, labels, weights) in batches.items():
        own = by_name(scores.model, outputs[name])
        labels, weights = named(labels, weights, list(own), scores.used)
        for output in scores.used:
            _check_classes(labels[output], weights[output], own[output], name)


def _check_classes(labels: tf.Tensor, weights: Any, outputs: Any, name: str) -> None:
    if not labels.dtype.is_integer or labels.shape.rank != outputs.shape.rank - 1:
        return
    classes = outputs.shape[-1]
    real = labels.numpy()[np.broadcast_to(with_rank(weights, labels.shape.rank), labels.shape) != 0]
    if not real.size:
        return
    lowest, highest = real.min(), real.max()
    if lowest < 0 or highest >= classes > 1:
        raise ValueError(
            f"The labels of the first batch of {name} go from {lowest} to {highest}, but the model "
            f"has {classes} classes (0 … {classes - 1}). Is its vocabulary the one of the data? "
            "What is to be ignored has weight 0."
        )


def planned(
    train: Any, validation: Any, jit_compile: bool | str = "auto", deterministic: bool = False
) -> tuple[Any, Any]:
    """Returns batches as the device likes them: in few shapes where XLA compiles each of these.

    Args:
        train: batches.
        validation: batches, or None.
        jit_compile, deterministic: as the `Trainer` takes them.
    """
    device = current_device()
    if not may_compile(device, jit_compile, deterministic):
        return train, validation
    step = 8 if device.kind == "gpu" else 1  # what the tiles of its matrix products are made of
    if validation is None:
        return in_few_shapes(train, FEW_SHAPES, step), None
    train = in_few_shapes(train, FEW_SHAPES - VALIDATION_SHAPES, step)
    return train, in_few_shapes(validation, VALIDATION_SHAPES, step)


def choose_computation(
    model: keras.Model,
    batches: Any,
    precision: str,
    jit_compile: bool | str,
    deterministic: bool,
) -> Choice:
    """Returns how training steps compute here: see `core.device.choose`."""
    return choose(
        current_device(),
        precision=precision,
        jit_compile=jit_compile,
        model_precision=precision_of(model),
        num_shapes=num_shapes(batches),
        deterministic=deterministic,
    )


def make_optimizer(
    optimizer: Any,
    model: keras.Model,
    variables: Sequence[keras.Variable],
    strategy: tf.distribute.Strategy,
    scales_loss: bool,
) -> keras.optimizers.Optimizer:
    """Returns an optimizer that is built for the variables.

    Args:
        optimizer: `keras.optimizers.Optimizer`, the name of one, or None for the default.
        model: the model.
        variables: all that may be trained.
        strategy: the strategy that all variables must belong to.
        scales_loss: whether the loss is scaled, lest gradients vanish in float16.

    Raises:
        ValueError: it has variables of another strategy.
    """
    with strategy.scope():
        if optimizer is None:
            optimizer = _default_optimizer(model)
        optimizer = keras.optimizers.get(optimizer)
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        _check_scope(model.variables, strategy)
        if not optimizer.built:
            # Before it is wrapped, lest a variable of its own escape: Nadam's product of momenta.
            inner.build(variables)
        if optimizer is inner and scales_loss:
            optimizer = keras.optimizers.LossScaleOptimizer(inner)
        if not optimizer.built:
            optimizer.build(variables)
    return optimizer


def _check_scope(variables: Sequence[keras.Variable], strategy: tf.distribute.Strategy) -> None:
    for variable in variables:
        if not strategy.extended.variable_created_in_scope(variable.value):
            raise ValueError(
                f"{variable.path} was not created under the strategy. Create model and optimizer "
                "under `with strategy.scope():`."
            )


def _check_optimizer(optimizer: Any, strategy: tf.distribute.Strategy) -> None:
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


def _default_optimizer(model: keras.Model) -> keras.optimizers.Optimizer:
    d_model = getattr(model, "d_model", None)
    if not isinstance(d_model, int):
        raise ValueError(
            f"{type(model).__name__} has no integer d_model for the default schedule; give "
            "optimizer=keras.optimizers.Adam(...)."
        )
    return keras.optimizers.Adam(CustomSchedule(d_model), beta_1=0.9, beta_2=0.98, epsilon=1e-9)
