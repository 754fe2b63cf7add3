"""Gradients of one's own, which are forgotten together with the graph that they were made for."""

import contextlib
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops

# Names of gradients that a graph keeps: they go with it, as it may be called from others.
_kept: set[str] = set()


def custom_gradient(function: Callable) -> Callable:
    """The same as `ops.custom_gradient`, without what TensorFlow keeps of it for ever.

    TensorFlow puts the gradient of each call in a graph into a table of the process, and with it
    the whole graph: each trace of a model would stay in memory to the end. Here the graph keeps
    it, and the table its name as long as the graph lives.

    Args:
        function: takes tensors; returns a tensor or several, and a function from the gradients of
            these to those of what it took.
    """
    with_gradient = ops.custom_gradient(function)
    if keras.backend.backend() != "tensorflow":
        return with_gradient

    def call(*arguments: Any) -> Any:
        outputs = with_gradient(*arguments)
        first = keras.tree.flatten(outputs)[0]
        if not sys.modules["tensorflow"].executing_eagerly():
            _leave_to_its_graph(first)
        return outputs

    return call


def _leave_to_its_graph(output: Any) -> None:
    """Moves the gradient that makes `output` from TensorFlow's table to the output's graph."""
    name, graph = output.op.get_attr("_gradient_op_type").decode(), output.graph
    table = _table()
    gradient = table[name]["type"]
    if not hasattr(graph, "own_gradients"):
        graph.own_gradients = {}
    graph.own_gradients[name] = gradient
    owner: Any = weakref.ref(graph)

    def of_graph(operation: Any, *upstream: Any) -> Any:
        return owner().own_gradients[name](operation, *upstream)

    table[name] = {**table[name], "type": of_graph}
    _kept.add(name)
    weakref.finalize(graph, _forget, name)


@contextlib.contextmanager
def gradients_within() -> Iterator[None]:
    """Forgets the gradients of a trace when it ends: nobody asks a training step for its own.

    Others than ours are among them: Keras's optimizers sum gradients by `ReplicaContext.all_reduce`
    which has one, on a single device, too.
    """
    table = _table()
    known = set(table)
    try:
        yield
    finally:
        for name in set(table) - known - _kept:
            table.pop(name, None)


def _forget(name: str) -> None:
    _kept.discard(name)
    _table().pop(name, None)


def _table() -> dict[str, Any]:
    """TensorFlow's gradients by name; no public function takes one out again."""
    return sys.modules["tensorflow.python.framework.ops"].gradient_registry._registry
