"""Answerer: rows in, answers out, as any task does it."""

import abc
import functools
import inspect
import operator
import os
import pathlib
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import tensorflow as tf

from tftransformer.core import check_choice, check_names, checked_ids
from tftransformer.data import DataProcess
from tftransformer.serving import WEIGHTS, ServedModule, TaskGraph
from tftransformer.tasks.card import plain_scores, served_card
from tftransformer.tasks.estimator import Estimator
from tftransformer.tasks.given import vocabulary_of
from tftransformer.tasks.lengths import check_lengths
from tftransformer.tasks.tables import in_container, is_pair, text_columns, with_index

# Graphs that are kept, of those that a person asked for with options.
MADE = 8


class Answerer(Estimator):
    """The part of a `Task` that answers: shapes of results, batches, the graph, `export`.

    Attributes:
        limit: name of the setting that limits how many tokens of a text are read.
        column: name of the answer column for a DataFrame, if answers are not dicts.
        said: the entry of an answer that `predict` returns; None: all of it.
        pair: default column names for pairs of texts, if the task also takes pairs.
    """

    limit: ClassVar[str] = "max_length"
    column: ClassVar[str | None] = None
    said: ClassVar[str | None] = None
    pair: ClassVar[tuple[str, ...] | None] = None
    batch_size: int
    parallel: int = 1
    too_long: str = "cut"
    measured_: Mapping[str, Any] = types.MappingProxyType({})
    data_: DataProcess
    model_: Any
    _is_named = True  # whether a table has named the columns
    # What the graphs were made of, and those with their modules by what they were told.
    _made: tuple[list[Any], dict[tuple[Any, ...], tuple[Any, ServedModule]]] = ([], {})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "evaluate" in vars(cls):
            cls.evaluate = _noted(cls.evaluate)  # type: ignore[method-assign]

    @abc.abstractmethod
    def graph(self, *args: Any, **limits: Any) -> TaskGraph:
        """Checks the settings, and returns what this task computes from strings to answers.

        Args:
            **limits: lengths, by the name of the setting that they replace; and, for tasks with a
                `pair`, `texts`, the number of texts in a row.
        """

    @abc.abstractmethod
    def fitted(self) -> DataProcess:
        """Returns `data_`; raises an error if there is nothing to answer with."""

    @abc.abstractmethod
    def answers(self, columns: Sequence[list[str]], *args: Any, **options: Any) -> list[Any]:
        """Returns an answer for each row, given the texts column by column."""

    def __call__(self, texts: Any, **options: Any) -> Any:
        """Answers.

        Args:
            texts: a string (or a tuple of two strings, for pairs), or several of them in a list,
                tuple, numpy array (of any shape) or pandas Series, or a DataFrame with the fitted
                columns.
            **options: options of `answers`.

        Returns:
            one answer for one row, else answers in the same kind of container, with the same order
            and index; a Series is answered by a DataFrame if answers are dicts.

        Raises:
            TypeError: if `texts` is no such container, or an option is unknown.
            ValueError: if a row is not as many strings as were fitted.
        """
        if options and (known := _names(self.answers)) is not None:
            check_names(options, known[1:], f"option of {type(self).__name__}")
        if self._is_one(texts):
            return self.answers(self.columns([texts]), **options)[0]
        return in_container(self.answers(self.columns(texts), **options), texts, self.column)

    def predict(self, texts: Any) -> Any:
        """Returns answers without scores: one for a row, a list for rows, a Series for a table.

        Args:
            texts: as for a call.

        Returns:
            labels, texts or whatever the task answers. A Series has the index of the given Series
            or DataFrame.
        """
        if self._is_one(texts):
            return self.alone(self.columns([texts]))[0]
        return with_index(self.alone(self.columns(texts)), texts)

    def alone(self, columns: Sequence[list[Any]]) -> list[Any]:
        """What `predict` gives: of each answer the entry `said`, or all of it."""
        found = self.answers(columns)
        return found if self.said is None else [answer[self.said] for answer in found]

    def _is_one(self, texts: Any) -> bool:
        """Whether this is one row, rather than a container of them."""
        pairs = len(self.text_columns()) > 1 or self._pair is not None
        return isinstance(texts, str) or (pairs and is_pair(texts))

    def columns(self, texts: Any) -> list[list[str]]:
        """The texts of several rows, column by column.

        Raises:
            TypeError: if this is no container of texts.
            ValueError: if a row is not as many strings as were fitted.
        """
        return text_columns(texts, self.text_columns(), self._pair)

    @property
    def _pair(self) -> tuple[str, ...] | None:
        return None if self._is_named else self.pair

    def text_columns(self) -> list[Any]:
        """Names of the fitted input columns: all but the last one."""
        return list(self.fitted().columns[:-1])

    def table_columns(self) -> list[Any]:
        """Names of the fitted columns of a table to score."""
        return list(self.fitted().columns)

    def compute(
        self,
        columns: Sequence[list[str]],
        read: Callable[[Any], list] = list,
        rows: Sequence[int] | None = None,
        model: Any = None,
        first: int = 0,
        **how: Any,
    ) -> list[Any]:
        """Computes in batches of similar length, which changes no result.

        Args:
            columns: the texts of each row, column by column.
            read: what to make of the outputs of a batch: one result for each row.
            rows: numbers of the rows that are computed; default: all.
            model: a function that computes rows of tokens in the stead of the graph's own one.
            first: the number of row 0, in [0, 2³²), for what is drawn.
            **how: what else `graph` is told.

        Returns:
            the results, in the order of the rows; None for what was not computed. How many texts
            were cut is warned of.
        """
        results: list[Any] = [None] * len(columns[0])
        sizes = [self.size(*row) for row in zip(*columns, strict=True)]
        asked = sorted(range(len(results)) if rows is None else rows, key=sizes.__getitem__)
        if not asked:
            return results
        graph, module = self._graph_and_module(len(columns), **how)
        if self.too_long == "refuse" and graph.max_length is not None:
            check_lengths(graph, partial(self.tensors, columns), asked, self.limit)
        cut = 0
        for start in range(0, len(asked), self.batch_size):
            batch = asked[start : start + self.batch_size]
            texts = self.tensors(columns, batch)
            # A row is the same whichever batch it is in.
            numbers = (np.array(batch, "int64") + first).astype("uint32").view("int32")
            outputs, known = self._batch(graph, module, texts, numbers, model)
            for i, result in zip(batch, read(outputs), strict=True):
                results[i] = result
            cut += int(np.sum(known["cut"]))
        self.warn_of(cut, len(results), graph)
        return results

    def warn_of(self, cut: int, count: int, graph: TaskGraph) -> None:
        """Warns of texts of which not all was read, if there are any."""
        if cut:
            warnings.warn(
                f"{cut} of {count} texts have more than {self.most_read(graph)}, and only their "
                f"{graph.kept} were read.",
                stacklevel=5,
            )

    def most_read(self, graph: Any) -> str:
        """How much of a text is read, in words, with the setting that says so."""
        return f"{self.limit}={graph.max_length} tokens"

    def warn_of_nothing(self, columns: Sequence[list[str]], what: str = "texts") -> None:
        """Warns of rows whose texts are all empty or white space, if there are any.

        A model answers them, too, but of nothing there is nothing to say.
        """
        count = sum(not any(map(str.strip, row)) for row in zip(*columns, strict=True))
        if count:
            warnings.warn(
                f"{count} of {len(columns[0])} {what} are empty: their answers are meaningless.",
                stacklevel=5,
            )

    def size(self, *row: Any) -> Any:
        """What the rows of a batch are to be alike in, as something that sorts: their length."""
        return sum(map(len, row))

    def tensors(self, columns: Sequence[list[Any]], rows: Sequence[int]) -> list[tf.Tensor]:
        """What a graph reads of some rows: strings (batch,) for each column."""
        return [tf.constant([column[i] for i in rows], tf.string) for column in columns]

    def _batch(
        self,
        graph: TaskGraph,
        module: ServedModule,
        texts: Sequence[tf.Tensor],
        numbers: Any,
        model: Callable[[Any], Any] | None = None,
    ) -> tuple[Any, Any]:
        """What the graph makes of a batch of texts, as numpy arrays, and what it knows of them."""
        rows, known = graph.encode_at_once(*texts)
        if (size := vocabulary_of(self.model_)) is not None:  # a graph cannot be told of it
            checked_ids(rows[next(iter(graph.fills))], size)
        named = {"row_numbers": tf.constant(numbers, tf.int32)} if "row_numbers" in rows else {}
        inputs = {**rows, **named}
        computed = self._in_blocks(model or module.compute, inputs)
        found = graph.by_text_at_once(module.compute)(computed, known)
        return tf.nest.map_structure(np.asarray, found), known

    def warm_up(self) -> Self:
        """Computes an answer to a one-letter text, so that later answers need not wait for the
        graph.

        The first answer takes a second or more longer than later ones, since the graph is traced
        and prepared. A server should call this before it accepts requests. Other options of a call
        may need other graphs.

        Returns:
            This object.
        """
        graph, module = self._graph_and_module(len(self.text_columns()))
        for request in module.requests():
            self._batch(graph, module, list(request.values()), [0])
        return self

    def _in_blocks(self, model: Callable[[Any], Any], inputs: dict[str, tf.Tensor]) -> Any:
        """What the model computes of rows, of which windows may be many, some at a time."""
        count = next(iter(inputs.values())).shape[0]
        starts = range(0, max(count, 1), self.batch_size)
        found = [
            model({name: x[i : i + self.batch_size] for name, x in inputs.items()}) for i in starts
        ]
        if len(found) == 1:
            return found[0]
        return tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *found)

    @property
    def module(self) -> ServedModule:
        """The graph that this object computes with, traced once."""
        return self._graph_and_module(len(self.text_columns()))[1]

    def _graph_and_module(self, texts: int, **how: Any) -> tuple[Any, ServedModule]:
        """The graph of rows of so many texts; `how` is what else it is told."""
        made_of = [self.fitted(), self.model_, *self.get_params().values()]
        before, made = self._made
        if not before or any(map(operator.is_not, before, made_of)):
            made = {}
        key = (texts, *sorted(how.items()))
        if key not in made:
            graph = self.graph(**how) if self.pair is None else self.graph(texts=texts, **how)
            while len(made) >= MADE:
                del made[next(iter(made))]
            # What the model computes may be the same, and need not be traced again.
            same = [module for (n, *_), (_, module) in made.items() if n == texts]
            made[key] = graph, same[0] if same and graph.computes_alike else self._module(graph)
        self._made = made_of, made
        return made[key]

    def _module(self, graph: TaskGraph, **held: Any) -> ServedModule:
        """A graph as a module; how it holds the model is said as to `ServedModule`."""
        return ServedModule(graph, self.model_, parallel=self.parallel, **held)

    def export(
        self,
        path: str | os.PathLike,
        *,
        weights: str = "float32",
        jit_compile: bool = False,
        **limits: Any,
    ) -> pathlib.Path:
        """Writes a SavedModel that is served without this package: strings in, answers out.

        Its README.md is a model card.

        Args:
            path: folder to make; it must not exist.
            weights: one of "float32", "bfloat16", "float16", "int8" (see `ServedModule`).
            jit_compile: whether XLA compiles it where it is served.
            **limits: such as `max_length`, the largest number of tokens in a row, or
                `max_source_length`, that of a source; longer ones are truncated, which the answer
                reports (`cut`). Default: as here, and of a source 512 where there is no limit.

        Returns:
            The path.
        """
        check_choice(WEIGHTS, weights=weights)
        self.fitted()
        if (known := _names(self.graph)) is not None:
            own = ["path", "weights", "jit_compile"]
            check_names(limits, [*own, *known], "argument of export")
        graph = self.graph(**self.served_limits(limits))
        module = self._module(graph, weights=weights, jit_compile=jit_compile)
        how = f"weights {weights}" + ", compiled by XLA" * jit_compile
        return module.save(path, card=lambda: served_card(self, graph, module, how))

    def served_limits(self, limits: dict[str, Any]) -> dict[str, Any]:
        """Returns the limits of an export, of which some were given by name."""
        return limits


def _names(function: Callable[..., Any]) -> list[str] | None:
    """The names of a function's arguments; None where it takes any name."""
    parameters = inspect.signature(function).parameters.values()
    any_name = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)
    return None if any_name else [parameter.name for parameter in parameters]


def _noted(evaluate: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Wraps `evaluate`: a model card says what it found last."""

    @functools.wraps(evaluate)
    def noted(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        scores = evaluate(self, *args, **kwargs)
        self.measured_ = {**self.measured_, "scores": plain_scores(scores)}
        return scores

    return noted
