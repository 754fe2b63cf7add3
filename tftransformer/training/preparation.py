"""What the Trainer checks and builds before any long work starts."""

import dataclasses
import warnings
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
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
from tftransformer.training.one_pass import inner_of
from tftransformer.training.precision import precision_of
from tftransformer.training.run_directory import check_directory
from tftransformer.training.schedules import CustomSchedule


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


def check_rate(
    callbacks: Sequence[keras.callbacks.Callback], optimizer: keras.optimizers.Optimizer
) -> None:
    """Raises a ValueError for callbacks of Keras that set a rate which a schedule gives."""
    setters = keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler
    inner = inner_of(optimizer)
    if isinstance(inner.learning_rate, keras.Variable):
        return
    for callback in callbacks:
        if isinstance(callback, setters):
            raise ValueError(
                f"{type(callback).__name__} sets the learning rate, but that of the optimizer is "
                "given by a schedule. Leave out the callback, or give an optimizer whose rate is a "
                "number, such as optimizer=keras.optimizers.Adam(1e-4)."
            )


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
        inner = inner_of(optimizer)
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
    inner = inner_of(optimizer)
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
