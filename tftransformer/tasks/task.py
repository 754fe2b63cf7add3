"""Task: what every task does, written once."""

import abc
import inspect
import operator
import os
import pathlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import keras
import numpy as np
import tensorflow as tf

from tftransformer.data import DataProcess
from tftransformer.serving import WEIGHTS, ServedModule, TaskGraph
from tftransformer.tasks.estimator import Estimator
from tftransformer.tasks.folder import read_task, write_task
from tftransformer.tasks.tables import in_container, with_index
from tftransformer.training import Checkpointing, Trainer
from tftransformer.training.run_directory import check_directory


class Task(Estimator):
    """A model with its tokenizers that takes texts and gives answers.

    A page names its task, says how rows become ids and outputs become answers (`graph`,
    `answers`), what is learnt (`fit`, `process`, `make_model`, `make_optimizer`) and what is scored
    (`evaluate`). The rest is here: shapes of results, batches, training, `save`, `load`, `export`,
    and what scikit-learn asks of an estimator.

    Settings are arguments of the constructor, kept as they were given. What is learnt are
    attributes whose names end in an underscore.

    Attributes:
        task: its name, as a file is called.
        given: arguments of the constructor that may be trained parts; saved are `model_` and
            `parts` in their stead.
        readers: functions that read the `parts` of a saved task from their folders, by name.
        limit: the setting that says how many tokens of a text are read.
        column: of a DataFrame that answers a DataFrame with texts, where answers are no dicts.
        data_: the `DataProcess` that it learnt from.
        trained_on_: the rows that it learnt from, after `fit`.
        model_: the trained model.
        history_: loss and scores of each epoch, by name.
        validation_: loss and scores of the trained model on the rows that were held out.
        report_: how many rows were used, dropped and cut.
    """

    task: ClassVar[str]
    given: ClassVar[tuple[str, ...]] = ("model", "tokenizer")
    readers: ClassVar[Mapping[str, Callable[[pathlib.Path], Any]]] = {"data": DataProcess.load}
    limit: ClassVar[str] = "max_length"
    column: ClassVar[str | None] = None
    model: Any
    seed: int
    batch_size: int
    parallel: int = 1
    data_: DataProcess
    model_: Any

    @abc.abstractmethod
    def graph(self, *args: Any, **limits: Any) -> TaskGraph:
        """Returns what this task computes from strings to answers; checks the settings of that.

        Args:
            **limits: lengths, by the name of the setting that they replace.
        """

    @abc.abstractmethod
    def answers(self, columns: Sequence[list[str]], *args: Any, **options: Any) -> list[Any]:
        """Returns a plain answer for each row, given its texts column by column."""

    @abc.abstractmethod
    def process(self, columns: Sequence[Any]) -> DataProcess:
        """Returns what turns the columns of a table into batches; checks all settings first."""

    @abc.abstractmethod
    def make_model(self) -> Any:
        """Returns the model to train, for what `data_` has found."""

    @abc.abstractmethod
    def make_optimizer(self, updates: int) -> keras.optimizers.Optimizer:
        """Returns the optimizer for a training of so many updates."""

    def learn(
        self,
        frame: Any,
        columns: Sequence[Any],
        *,
        validation: Any = 0.1,
        epochs: int = 20,
        **trainer: Any,
    ) -> Self:
        """Learns from the rows of a table: the one recipe of every task.

        Args:
            frame: pandas DataFrame.
            columns: names of its columns, in the order of the objective.
            validation: a share of the rows, their number, or another DataFrame; 0 for none.
            epochs: passes over the data, those before a resume included.
            **trainer: what `Trainer` takes. With a `directory`, `data` is written there before
                training, and of the best epoch and the average of the last ones the model takes
                what validates better.

        Returns:
            This object.
        """
        unknown = sorted(trainer.keys() - inspect.signature(Trainer).parameters.keys())
        if unknown:
            raise TypeError(f"{unknown[0]!r} is an argument of neither fit nor Trainer.")
        directory, resume = trainer.get("directory"), trainer.get("resume", False)
        check_directory(directory, resume)
        data = self.process(columns)
        held_out = validation if hasattr(validation, "columns") else None
        if held_out is None and validation:
            frame, held_out = data.train_test_split(frame, validation)
        saved = None if directory is None else pathlib.Path(directory, "data")
        if resume and saved is not None and saved.is_dir():
            data = begun_with(data, DataProcess.load(saved))
        else:
            data.fit(frame)
            if saved is not None:
                data.save(saved)
        self.data_, self.trained_on_ = data, frame
        train = data.batches(frame)
        valid = None if held_out is None else data.batches(held_out, training=False)
        keras.utils.set_random_seed(self.seed)
        with (trainer.get("strategy") or tf.distribute.get_strategy()).scope():
            model = self.make_model()
            trainer.setdefault("optimizer", self.make_optimizer(epochs * len(train)))
        checkpointing = trainer["checkpointing"] = trainer.get("checkpointing") or Checkpointing()
        if trainer.get("verbose", "auto"):
            print(f"training:   {train}")
            print(f"validation: {valid}" if valid else "validation: none")
            print(f"model:      {model.count_params():,} parameters", flush=True)
        run = Trainer(model, train, valid, epochs=epochs, **trainer)
        self.history_, self.report_ = run.train().history, train.report
        if directory is not None and valid is not None:
            run.load("winner", last=checkpointing.keep_last)
        self.validation_ = run.evaluate(valid) if valid else {}
        self.model_ = model
        return self

    def fitted(self) -> DataProcess:
        """Returns `data_`; raises where nothing was learnt yet."""
        if not hasattr(self, "model_"):
            raise RuntimeError(
                f"this {type(self).__name__} has learnt nothing yet: call fit first, or load one."
            )
        return self.data_

    def __call__(self, texts: Any, **options: Any) -> Any:
        """Answers.

        Args:
            texts: a string (or, of two texts, a tuple of two strings), or several of them in a
                list, tuple, numpy array (of any shape) or pandas Series, or in a DataFrame with the
                columns that it was fitted with.
            **options: those of `answers`.

        Returns:
            one answer for one row, else answers in a container of the same kind, order and index;
            answers that are dicts make a DataFrame of a Series, too.

        Raises:
            TypeError: if this is no such container.
            ValueError: if a row is not as many strings as were fitted.
        """
        if isinstance(texts, str) or (len(self.text_columns()) > 1 and _is_pair(texts)):
            return self.answers(self.columns([texts]), **options)[0]
        return in_container(self.answers(self.columns(texts), **options), texts, self.column)

    def predict(self, texts: Any) -> Any:
        """The answers: a list, or of a Series or DataFrame a Series with its index."""
        return with_index(self.answers(self.columns(texts)), texts)

    def columns(self, texts: Any) -> list[list[str]]:
        """The texts of several rows, column by column.

        Raises:
            TypeError: if this is no container of texts.
            ValueError: if a row is not as many strings as were fitted.
        """
        names = self.text_columns()
        if hasattr(texts, "columns"):
            missing = [name for name in names if name not in texts.columns]
            if missing:
                raise TypeError(
                    f"a {type(texts).__name__} of texts needs the column {missing[0]!r} that was "
                    f"fitted; it has {', '.join(map(repr, texts.columns))}. Or give one column "
                    "alone, frame['…']."
                )
            rows = list(zip(*(texts[name].tolist() for name in names), strict=True))
        elif isinstance(texts, str | bytes | Mapping):
            raise TypeError(
                "texts must be strings in a list, tuple, array or Series, not a "
                f"{type(texts).__name__}."
            )
        else:
            texts = texts.ravel().tolist() if isinstance(texts, np.ndarray) else texts
            rows = [row if _is_pair(row) else (row,) for row in texts]
        for index, row in enumerate(rows):
            if len(row) != len(names) or not all(isinstance(text, str) for text in row):
                given = row if len(row) > 1 else row[0]
                raise ValueError(
                    f"texts[{index}] is {given!r}, not "
                    + ("a string." if len(names) == 1 else f"{len(names)} strings.")
                )
        return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]

    def text_columns(self) -> list[Any]:
        """Names of the columns that come in, as they were fitted: all but the last one."""
        return list(self.fitted().columns[:-1])

    def compute(
        self,
        columns: Sequence[list[str]],
        read: Callable[[Any], list] = list,
        rows: Sequence[int] | None = None,
    ) -> list[Any]:
        """Computes in batches of similar length, which changes no result.

        Args:
            columns: the texts of each row, column by column.
            read: what to make of the outputs of a batch: one result for each row.
            rows: numbers of the rows that are computed; default: all.

        Returns:
            the results, in the order of the rows; None for what was not computed. How many texts
            were cut is warned of.
        """
        results: list[Any] = [None] * len(columns[0])
        lengths = np.sum([[len(text) for text in column] for column in columns], axis=0)
        asked = np.arange(len(results)) if rows is None else np.array(rows, int)
        asked = asked[np.argsort(lengths[asked], kind="stable")]
        if not len(asked):
            return results
        graph, module = self._graph_and_module()
        cut = 0
        for start in range(0, len(asked), self.batch_size):
            batch = asked[start : start + self.batch_size]
            texts = (tf.constant([column[i] for i in batch], tf.string) for column in columns)
            inputs, known = graph.encode(*texts)
            # A row is the same whichever batch it is in.
            inputs |= {name: tf.constant(batch, tf.int32) for name in graph.numbers}
            outputs = tf.nest.map_structure(np.asarray, module.compute(inputs))
            for i, result in zip(batch, read(outputs), strict=True):
                results[i] = result
            cut += int(np.sum(known["cut"]))
        if cut:
            warnings.warn(
                f"{cut} of {len(results)} texts have more than {self.limit}={graph.max_length} "
                "tokens, and only their beginnings were read.",
                stacklevel=4,
            )
        return results

    @property
    def module(self) -> ServedModule:
        """The graph, traced once, that this object computes with."""
        return self._graph_and_module()[1]

    def _graph_and_module(self) -> tuple[TaskGraph, ServedModule]:
        made_of = [self.fitted(), self.model_, *self.get_params().values()]
        before, made = getattr(self, "_made", ([], None))
        if made is None or any(map(operator.is_not, before, made_of)):
            graph = self.graph()
            made = graph, self._module(graph)
            self._made = made_of, made
        return made

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

        Args:
            path: folder to make; it must not exist.
            weights: one of "float32", "bfloat16", "float16", "int8" (see `ServedModule`).
            jit_compile: whether XLA compiles it where it is served.
            **limits: such as `max_length`, most tokens of a row; what is longer loses its end, and
                its answer says so (`cut`). Default: as here.

        Returns:
            The path.
        """
        if weights not in WEIGHTS:
            raise ValueError(f"weights must be one of {WEIGHTS}, not {weights!r}")
        self.fitted()
        graph = self.graph(**limits)
        return self._module(graph, weights=weights, jit_compile=jit_compile).save(path)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes model, tokenizers, labels and settings into a folder, in one step; see `load`.

        Raises:
            ValueError: if a setting or a label could not be read again.
        """
        self.fitted()
        settings = {
            name: value
            for name, value in self.get_params().items()
            if name not in self.given or isinstance(value, str | Mapping | None)
        }
        write_task(folder, self.task, self.model_, self.parts(), {**settings, **self.learnt()})

    def parts(self) -> dict[str, Any]:
        """What is saved beside the model, each in a folder of its name; see `readers`."""
        return {"data": self.data_}

    def learnt(self) -> dict[str, Any]:
        """Plain values that are saved beside the settings."""
        return {}

    def take(self, model: Any, *args: Any, **parts: Any) -> None:
        """Takes the model, the `parts` and what was `learnt`, so that this object is ready."""
        self.model_, self.data_ = model, parts["data"]

    @classmethod
    def load(cls, folder: str | os.PathLike, **changes: Any) -> Self:
        """Reads what `save` wrote. Runs no code from the folder.

        Args:
            folder: the folder.
            **changes: settings that replace the saved ones.

        Raises:
            FileNotFoundError: if a file is missing.
            ValueError: if a file is damaged.
        """
        model, parts, settings = read_task(folder, cls.task, cls.readers, without=changes)
        learnt = {name: settings.pop(name) for name in settings.keys() - set(cls.setting_names())}
        task = cls(**settings, **changes)
        task.take(model, **parts, **learnt)
        task.graph()  # raises where settings and parts do not fit
        return task


def _is_pair(row: Any) -> bool:
    """Whether a row is two texts."""
    return isinstance(row, tuple) and len(row) == 2 and all(isinstance(t, str) for t in row)


def begun_with(given: DataProcess, saved: DataProcess) -> DataProcess:
    """Returns the `DataProcess` that a run was begun with, if it is as the settings say."""
    before, now = saved.get_config(), given.get_config()
    differ = [f"{name}={value!r}" for name, value in before.items() if value != now[name]]
    if differ:
        raise ValueError(
            f"the run was begun with {', '.join(differ)}: to resume it, give the same again."
        )
    return saved
