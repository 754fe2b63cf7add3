"""Gradients of one's own, which are forgotten together with the graph that they were made for."""

import sys
import weakref
from collections.abc import Callable
from typing import Any

import keras
from keras import ops


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
    # No public name of TensorFlow takes a gradient out again.
    table = sys.modules["tensorflow.python.framework.ops"].gradient_registry._registry
    gradient = table[name]["type"]
    if not hasattr(graph, "own_gradients"):
        graph.own_gradients = {}
    graph.own_gradients[name] = gradient
    owner: Any = weakref.ref(graph)

    def of_graph(operation: Any, *upstream: Any) -> Any:
        return owner().own_gradients[name](operation, *upstream)

    table[name] = {**table[name], "type": of_graph}
    weakref.finalize(graph, table.pop, name, None)
