"""ServedModule: strings in, answers out, for any task."""

import functools
import os
import pathlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from tftransformer.core import check_choice, making_folder
from tftransformer.serving.compiled import compiled, compiled_width
from tftransformer.serving.int8_products import Int8Products
from tftransformer.serving.int8_storage import Int8Storage
from tftransformer.serving.parts import in_parts
from tftransformer.serving.precision import in_precision
from tftransformer.serving.warm_up import warm_up_texts, write_warm_up
from tftransformer.serving.weights import Weights
from tftransformer.text.one_call import traced_apart

WEIGHTS = ("float32", "bfloat16", "float16", "int8")

Rows = dict[str, tf.Tensor]


class TaskGraph:
    """What a task computes between strings and answers, using TensorFlow operations only.

    Each task has a subclass; `ServedModule` makes a SavedModel from it.

    Attributes:
        inputs: names of the input texts, each string (batch,).
        ranks: number of axes of the inputs that have more, such as 2 for (batch, choices).
        signatures: names of the functions for which `answers` returns answers.
        fills: for each input of the model, int32 (rows, tokens), the id that pads it. All have the
            same width.
        depths: for inputs with several numbers per token, int32 (rows, tokens, depth), how many.
        numbers: names of further inputs of `compute`, int32 (rows,): the number of each row.
        tracked: tokenizers and tables that a SavedModel has to contain.
        max_length: most tokens of a row, or None.
        kept: which part of longer texts is read, in words.
        computes_alike: whether `compute` is the same for all graphs of a task, whatever their
            options.
    """

    inputs: tuple[str, ...] = ("texts",)
    ranks: Mapping[str, int] = MappingProxyType({})
    signatures: tuple[str, ...] = ("serving_default",)
    fills: Mapping[str, int]
    numbers: tuple[str, ...] = ()
    tracked: list[Any]
    depths: Mapping[str, int] = MappingProxyType({})
    max_length: int | None = None
    kept: str = "beginnings"
    computes_alike: bool = False
    _by_text_at_once: Callable | None = None

    def encode(self, *texts: tf.Tensor) -> tuple[Rows, Any]:
        """Returns the rows of some texts, and what `answers` needs to know about them.

        The latter is a dict; its `cut`, bool (rows,), tells which texts were truncated.
        """
        raise NotImplementedError

    def by_text_at_once(self, compute: Any) -> Callable[[Any, Any], Any]:
        """Returns `by_text` as one traced function.

        Args:
            compute: a TensorFlow function whose results `by_text` puts together.
        """
        if type(self).by_text is TaskGraph.by_text:
            return self.by_text
        if self._by_text_at_once is None:
            _, known = self.encode_at_once.get_concrete_function().structured_outputs
            made = compute.get_concrete_function().structured_outputs, known
            self._by_text_at_once = traced_apart(
                self.by_text,
                input_signature=tf.nest.map_structure(_spec_of, made),
                autograph=False,
            )
        return self._by_text_at_once

    @functools.cached_property
    def encode_at_once(self) -> Any:
        """Runs `encode` as one traced function: run one by one, its operations take many times as
        long as the tokenizer.
        """
        return traced_apart(self.encode, input_signature=self.text_specs(), autograph=False)

    def compute(self, model: Any, rows: Rows, fixed: bool) -> Any:
        """Runs the model.

        Args:
            model: the model.
            rows: tensors by name, as `fills` and `numbers` say.
            fixed: whether shapes must stay the same from step to step.

        Returns:
            a structure of tensors with as many rows.
        """
        raise NotImplementedError

    def by_text(self, found: Any, known: Any) -> Any:
        """Returns a structure of tensors with a row for each text, from what was computed for rows.

        They are the same unless a text is read in several windows, or its parts have to be put
        together.
        """
        return found

    def answers(self, found: Any, known: Any) -> dict[str, dict[str, tf.Tensor]]:
        """Returns outputs by name for each signature, from what the other two returned."""
        raise NotImplementedError

    def text_specs(self) -> list[tf.TensorSpec]:
        """The signature of `encode`."""
        return [
            tf.TensorSpec([None] * self.ranks.get(name, 1), tf.string, name=name)
            for name in self.inputs
        ]

    def specs(self) -> dict[str, tf.TensorSpec]:
        """The signature of `compute`."""
        rows = {
            name: tf.TensorSpec([None, None, *self._depth(name)], tf.int32, name=name)
            for name in self.fills
        }
        return rows | {name: tf.TensorSpec([None], tf.int32, name=name) for name in self.numbers}

    def _depth(self, name: str) -> list[int]:
        return [self.depths[name]] if name in self.depths else []


class ServedModule(tf.Module):
    """Tokenizers, model and answers in one graph, from strings to strings and numbers.

    The module tracks what a SavedModel has to contain: tables of tokenizers, and the raw variables
    of the model. The Keras model itself is left out, so Keras is not needed to serve it.

    Args:
        graph: what the task computes.
        model: the model.
        weights: how the module holds the model's weights: "float32", "bfloat16", "float16" or
            "int8" (see `weights_of`); None: as they are.
        jit_compile: whether XLA compiles what the model does. The number of rows and their length
            are then rounded up to powers of two, which does not change answers.
        parallel: number of parts of a batch computed at the same time, without XLA.

    Attributes:
        compute: function from rows (a dict of tensors) to what the graph's `compute` returns.
        functions: functions from texts to answers, by name of the signature.
        requests: returns the texts, by name of the input, that prepare everything.
    """

    def __init__(
        self,
        graph: TaskGraph,
        model: Any,
        *,
        weights: str | None = None,
        jit_compile: bool = False,
        parallel: int = 1,
    ):
        super().__init__(name="served")
        held = weights_of(model, weights, jit_compile)
        self.tracked = graph.tracked
        # Tracking the Keras model instead makes an export that TensorFlow Serving cannot run.
        self.weights = held.tracked
        specs = graph.specs()

        def plain(rows: Any) -> Any:
            return graph.compute(held.model, rows, jit_compile)

        if jit_compile:
            compute = compiled(plain, specs, graph.fills, graph.max_length)
        else:
            parts = in_parts(plain, specs, graph.fills, parallel) if parallel > 1 else plain

            def compute(rows: Any) -> Any:
                # Read once: a loop that reads variables waits for every other.
                with held.scope():
                    return parts(_with_a_column(rows, graph.fills))

        self.compute = traced_apart(compute, input_signature=[specs], autograph=False)
        self.functions = {name: self._function(graph, name) for name in graph.signatures}
        self.requests = lambda: _requests(graph, jit_compile)

    def _function(self, graph: TaskGraph, signature: str) -> Callable:
        """The function from texts to the answers of a signature."""

        def answer(*texts: Any) -> Any:
            rows, known = graph.encode(*texts)
            return graph.answers(self.compute(rows), known)[signature]

        return tf.function(answer, input_signature=graph.text_specs(), autograph=False)

    def save(
        self, path: str | os.PathLike, *, card: Callable[[], str] | None = None
    ) -> pathlib.Path:
        """Writes a SavedModel whose signatures are those of the graph.

        The first call of a loaded SavedModel takes seconds to prepare its graph; with XLA, so does
        the first row of each width. TensorFlow Serving makes these calls itself before it accepts
        clients, from the requests in `assets.extra`; without that file it starts at once.

        Args:
            path: folder to make.
            card: function that makes the text of its README.md, if it gets one.

        Returns:
            The path.

        Raises:
            FileExistsError: if there is something at `path` already; it is left alone.
            ValueError: if TensorFlow could write to that path, but not read from it.
        """
        if set(str(path)) & set("[]*?\\"):
            raise ValueError(
                f"{path}: TensorFlow takes [, ], *, ? and \\ in a name for a pattern and could not "
                "read the SavedModel. Choose another path."
            )
        with making_folder(path) as beside:
            tf.saved_model.save(self, str(beside), signatures=dict(self.functions))
            write_warm_up(beside, list(self.functions), self.requests())
            if card is not None:
                (beside / "README.md").write_text(card(), encoding="utf-8")
        return pathlib.Path(path)


def _with_a_column(rows: Rows, fills: Mapping[str, int]) -> Rows:
    """Rows of a token at least: those of no texts have none, of which nothing can be the first."""

    def padded(name: str, x: tf.Tensor) -> tf.Tensor:
        places = [
            [0, 0],
            [0, tf.cast(tf.shape(x)[1] == 0, tf.int32)],
            *[[0, 0]] * (x.shape.rank - 2),
        ]
        return tf.pad(x, places, constant_values=fills[name])

    return {name: padded(name, x) if name in fills else x for name, x in rows.items()}


def _spec_of(value: Any) -> Any:
    """What a function takes that takes this output of another; without its name."""
    spec = tf.type_spec_from_value(value)
    return tf.TensorSpec(spec.shape, spec.dtype) if isinstance(spec, tf.TensorSpec) else spec


def _requests(graph: TaskGraph, jit_compile: bool) -> list[dict[str, tf.Tensor]]:
    """The texts, by name of the input, that have a graph prepared for all that it is compiled for.

    Without XLA one text does.
    """

    def texts_of(text: str) -> dict[str, tf.Tensor]:
        shapes = {name: [1] * graph.ranks.get(name, 1) for name in graph.inputs}
        return {name: tf.constant(text, shape=shape) for name, shape in shapes.items()}

    def width_of(text: str) -> int:
        rows, _ = graph.encode(*texts_of(text).values())
        length = tf.shape(rows[next(iter(graph.fills))])[1]
        return int(compiled_width(length, graph.max_length))

    texts = warm_up_texts(width_of, graph.max_length if jit_compile else None)
    return [texts_of(text) for text in texts]


def weights_of(model: Any, weights: str | None = None, jit_compile: bool = False) -> Weights:
    """Returns the weights of a model in the form in which they are served.

    Args:
        model: the model; it is not changed.
        weights: "float32", "bfloat16" or "float16", in which it also computes; "int8", matrices of
            a quarter of the size, which XLA multiplies as they are and which otherwise become
            floats when the served model is loaded; None: as in the model.
        jit_compile: whether XLA compiles the model.

    Raises:
        ValueError: for any other `weights`.
    """
    check_choice((*WEIGHTS, None), weights=weights)
    if weights == "int8":
        return Int8Products(model) if jit_compile else Int8Storage(model)
    held = getattr(model, "variable_dtype", "float32")
    return Weights(model if weights in (None, held) else in_precision(model, weights))
