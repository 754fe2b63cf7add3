"""Task: what every task does, written once."""

import abc
import inspect
import os
import pathlib
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import keras
import numpy as np

from tftransformer.data import DataProcess
from tftransformer.serving import WEIGHTS, ServedModule, TaskGraph
from tftransformer.tasks.folder import read_task, write_task
from tftransformer.training import Trainer


class Task(abc.ABC):
    """A model with its tokenizers that takes texts and gives answers.

    A page names its task, says how rows become ids and outputs become answers (`graph`,
    `answers`), what is learnt (`fit`) and what is scored (`evaluate`). The rest is here: shapes of
    results, batches, `save`, `load`, `export`, and what scikit-learn asks of an estimator.

    Settings are arguments of the constructor, kept as they were given. What is learnt are
    attributes whose names end in an underscore.

    Attributes:
        task: its name, as a file is called.
        data_: the `DataProcess` that it learnt from.
        model_: the trained model.
        history_: loss and scores of each epoch, by name.
        report_: how many rows were used, dropped and cut.
    """

    task: ClassVar[str]
    model: Any
    seed: int
    batch_size: int
    data_: DataProcess
    model_: Any

    @abc.abstractmethod
    def graph(self, *args: Any, **options: Any) -> TaskGraph:
        """Returns what this task computes from strings to answers."""

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

    @abc.abstractmethod
    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """Returns scores on the rows of a table, with those of baselines if asked."""

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
        directory, resume = trainer.get("directory"), trainer.get("resume", False)
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
        model = self.make_model()
        trainer.setdefault("optimizer", self.make_optimizer(epochs * len(train)))
        run = Trainer(model, train, valid, epochs=epochs, **trainer)
        self.history_, self.report_ = run.train().history, train.report
        if directory is not None and valid is not None:
            run.load("winner", last=5)
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
            texts: a string (or, of two texts, a tuple of two strings), a list of them, a pandas
                Series, or a DataFrame with the columns that it was fitted with.
            **options: those of `answers`.

        Returns:
            a dict for one row, a list of dicts in the same order for several, a DataFrame with the
            same index for a Series or a DataFrame.
        """
        if isinstance(texts, str) or _is_pair(texts):
            return self.answers(self.columns([texts]), **options)[0]
        found = self.answers(self.columns(texts), **options)
        if hasattr(texts, "iloc"):
            import pandas as pd

            return pd.DataFrame(found, index=texts.index)
        return found

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
                raise ValueError(
                    f"column {missing[0]!r} is not in the DataFrame (columns: "
                    f"{', '.join(map(repr, texts.columns))})."
                )
            rows = list(zip(*(texts[name].tolist() for name in names), strict=True))
        elif isinstance(texts, str | bytes | Mapping):
            raise TypeError(f"texts must be strings in a list or a Series, not {texts!r}.")
        else:
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
        """Names of the columns of text, as they were fitted."""
        return list(self.fitted().columns[:-1])

    def run(self, columns: Sequence[list[str]]) -> tuple[Any, np.ndarray]:
        """Computes in batches of similar length; returns outputs row by row, and what was cut."""
        graph, module = self.graph(), self.module()
        lengths = np.sum([[len(text) for text in column] for column in columns], axis=0)
        order = np.argsort(lengths, kind="stable")
        outputs, cut = np.zeros((0, 0), "float32"), np.zeros(len(lengths), bool)
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            rows, is_cut = graph.encode(*([column[i] for i in batch] for column in columns))
            found = np.asarray(module.compute(rows))
            if not start:
                outputs = np.zeros((len(lengths), *found.shape[1:]), found.dtype)
            outputs[batch], cut[batch] = found, np.asarray(is_cut)
        if cut.any():
            warnings.warn(
                f"{cut.sum()} of {len(cut)} texts have more than max_length={graph.max_length} "
                "tokens, and only their beginnings were read.",
                stacklevel=4,
            )
        return outputs, cut

    def module(self) -> ServedModule:
        """The graph, traced once, that this object computes with."""
        self.fitted()
        if getattr(self, "_module_of", None) is not self.model_:
            self._module, self._module_of = ServedModule(self.graph(), self.model_), self.model_
        return self._module

    def export(
        self,
        path: str | os.PathLike,
        *,
        weights: str = "float32",
        jit_compile: bool = False,
        max_length: int | None = None,
    ) -> pathlib.Path:
        """Writes a SavedModel that is served without this package: strings in, answers out.

        Args:
            path: folder to make; it must not exist.
            weights: one of "float32", "bfloat16", "float16", "int8" (see `ServedModule`).
            jit_compile: whether XLA compiles it where it is served.
            max_length: most tokens of a row; what is longer loses its end, and its answer says so
                (`cut`). Default: as here.

        Returns:
            The path.
        """
        if weights not in WEIGHTS:
            raise ValueError(f"weights must be one of {WEIGHTS}, not {weights!r}")
        self.fitted()
        graph = self.graph(**({} if max_length is None else {"max_length": max_length}))
        held: dict[str, Any] = {"weights": weights, "jit_compile": jit_compile}
        return ServedModule(graph, self.model_, **held).save(path)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes model, tokenizers, labels and settings into a folder, in one step; see `load`.

        Raises:
            ValueError: if a setting or a label could not be read again.
        """
        data, given = self.fitted(), ("model", "tokenizer")
        settings = {name: x for name, x in self.get_params().items() if name not in given}
        write_task(folder, self.task, self.model_, {"data": data}, settings)

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
        readers = {"data": DataProcess.load}
        model, parts, settings = read_task(folder, cls.task, readers, without=changes)
        task = cls(**settings, **changes)
        task.data_, task.model_ = parts["data"], model
        return task

    @classmethod
    def _names(cls) -> list[str]:
        return list(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor, as scikit-learn asks for them."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """Sets arguments of the constructor, as scikit-learn does."""
        for name, value in params.items():
            if name not in self._names():
                raise ValueError(f"{name!r} is no setting; they are {', '.join(self._names())}.")
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        kind = "classifier" if hasattr(self, "predict_proba") else None
        tags = {"target_tags": TargetTags(required=True), "input_tags": InputTags(string=True)}
        return Tags(estimator_type=kind, classifier_tags=ClassifierTags(), **tags)

    def score(self, data: Any, labels: Any = None) -> float:
        """The first score of `evaluate`, which scikit-learn compares; of errors, its negative."""
        scores = self.evaluate(data, labels, baselines=False)
        name = next(name for name in scores if name != "rows")
        return -scores[name] if name.endswith("error") else scores[name]

    def __repr__(self) -> str:
        given = inspect.signature(type(self)).parameters
        changed = [
            f"{name}={getattr(self, name)!r}"
            for name, parameter in given.items()
            if getattr(self, name) is not parameter.default
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


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
