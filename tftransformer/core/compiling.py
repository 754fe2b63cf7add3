"""Compiled functions on whatever backend Keras has: the one place that knows how each does it."""

import contextlib
import contextvars
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

_calls = contextvars.ContextVar("_calls", default=True)


def _backend_module() -> Any:
    """TensorFlow or JAX, whichever Keras runs on: imported already, so nothing is loaded here."""
    return sys.modules[keras.backend.backend()]


def can_compile() -> bool:
    """Whether `compiled` makes anything faster on this backend."""
    return keras.backend.backend() in ("tensorflow", "jax")


def shapes_may_grow() -> bool:
    """Whether a loop may hand on tensors of other shapes than it was given."""
    return keras.backend.backend() == "tensorflow"


def is_tracing(*values: Any) -> bool:
    """Whether a graph is being made: values are placeholders, and a compiled call is no use."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return not _backend_module().executing_eagerly()
    if backend == "jax":
        tracer = _backend_module().core.Tracer
        return any(isinstance(leaf, tracer) for leaf in keras.tree.flatten(values))
    return False


def concrete(value: Any) -> Any:
    """Returns a tensor as a numpy array, or None where its values are not known yet."""
    return None if value is None or is_tracing(value) else keras.ops.convert_to_numpy(value)


def argmax(x: Any) -> Any:
    """The place of the largest of values (..., n), the first among equals: int32 (...,).

    Keras's passes several times over its input on TensorFlow, to tell −0 from 0.
    """
    if keras.backend.backend() == "tensorflow":
        return _backend_module().argmax(x, axis=-1, output_type="int32")
    return keras.ops.cast(keras.ops.argmax(x, axis=-1), "int32")


def as_bytes(words: Any) -> Any:
    """Returns int32 words (n,) as the bytes that they are made of, int8 (n, 4).

    Keras's view reshapes the words, which TensorFlow does in the memory of the host, whatever
    computes.
    """
    if keras.backend.backend() == "tensorflow":
        return _backend_module().bitcast(words, "int8")
    return keras.ops.view(words[:, None], "int8")


@contextlib.contextmanager
def outside_graphs() -> Iterator[None]:
    """Within it, operations on constants are computed at once, even while a graph is made."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        with _backend_module().init_scope():
            yield
    elif backend == "jax":
        with _backend_module().ensure_compile_time_eval():
            yield
    else:
        yield


def traced_once(function: Callable) -> Callable:
    """Returns a function of tensors that graphs call instead of holding all that it does.

    Layers that are alike then share what was traced for the first of them. There is a trace for
    each structure of the arguments, each of their shapes, and what is not a tensor among them.

    A graph for XLA holds all itself. Where the gradient of a shared trace asks for a constant of
    it, such as the order of a transposition, XLA takes all that the trace was given for constants,
    weights and ids among them, and compiles each step anew.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    traced = _backend_module().function(function, autograph=False)

    def call(*given: Any) -> Any:
        shares = is_tracing() and _calls.get() and not is_for_xla()
        return (traced if shares else function)(*given)

    return call


def as_one_operation(function: Callable) -> Callable:
    """Returns a function of tensors that stays one operation in a graph until it runs.

    A branch that is hardly ever taken then costs a graph next to nothing. What optimizes graphs
    does not look into it.
    """
    if keras.backend.backend() != "tensorflow":
        return function
    traced = _backend_module().function(
        function, autograph=False, experimental_attributes={"_noinline": True}
    )
    return lambda *given: (traced if _calls.get() else function)(*given)


@contextlib.contextmanager
def without_calls() -> Iterator[None]:
    """Within it a graph holds all that it does: the runtimes of other formats know no calls."""
    before = _calls.set(False)
    try:
        yield
    finally:
        _calls.reset(before)


def is_for_xla() -> bool:
    """Whether TensorFlow makes a graph that XLA is to compile; no public function tells."""
    if keras.backend.backend() != "tensorflow":
        return False
    graph = sys.modules["tensorflow.python.framework.ops"].get_default_graph()
    control_flow = sys.modules["tensorflow.python.ops.control_flow_util"]
    return control_flow.GraphOrParentsInXlaContext(graph)


def compiled(function: Callable, variables: Sequence[keras.Variable]) -> Callable:
    """Returns `function(*arguments)` compiled: by `tf.function`, or by `jax.jit`.

    Traces are kept with what is returned, one for each structure and shapes of the arguments; on
    TensorFlow the second shape makes a trace for all sizes of the axes that differ. What the
    variables hold is read at each call.

    Args:
        function: takes and returns nested structures of tensors; what else it needs it closes over.
        variables: all variables that it reads.
    """
    if keras.backend.backend() == "tensorflow":
        # TensorFlow counts traces by code and warns of the fifth, whosever it is. A `partial` has
        # no code, so it is counted by itself.
        own = functools.partial(function)
        return _backend_module().function(own, autograph=False, reduce_retracing=True)
    if keras.backend.backend() != "jax":
        return function

    @_backend_module().jit
    def pure(values: Any, arguments: Any) -> Any:
        with keras.StatelessScope(state_mapping=zip(variables, values, strict=True)):
            return function(*arguments)

    return lambda *arguments: pure([variable.value for variable in variables], arguments)
