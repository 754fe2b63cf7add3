"""Task: the base of all tasks."""

import abc
import functools
import math
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import keras
import tensorflow as tf

from tftransformer.core import check_numbers, replacing_folder, require
from tftransformer.data import DataProcess
from tftransformer.tasks.answering import Answerer
from tftransformer.tasks.card import plain_scores, saved_card, weights_of
from tftransformer.tasks.checks import check_known
from tftransformer.tasks.folder import read_task, write_task
from tftransformer.tasks.given import Given, own_copy, read_given
from tftransformer.tasks.pretrained_folder import FolderParts, write_parts
from tftransformer.tasks.scratch import new_model
from tftransformer.tasks.tables import check_validation
from tftransformer.training import Checkpointing, Trainer
from tftransformer.training.preparation import check_arguments, check_callbacks, check_rate, planned
from tftransformer.training.recipes import (
    averaged_adamw,
    freeze,
    merge_lora,
    ulmfit_finetuning,
)
from tftransformer.training.recipes.freezing import check_no_lora
from tftransformer.training.recipes.low_rank import adapted_layers

RECIPES = {"ulmfit": ulmfit_finetuning}


class Task(Answerer):
    """A model with its tokenizers that takes texts and gives answers.

    A subclass defines how rows become ids and outputs become answers (`graph`, `answers`), what is
    learnt (`fit`, `process`, `make_model`) and what is scored (`evaluate`). The rest is here:
    shapes of results, batches, training, `save`, `load`, `export`, and the interface of a
    scikit-learn estimator.

    Settings are the arguments of the constructor, kept as given. What is learnt is stored in
    attributes whose names end in an underscore.

    Attributes:
        readers: functions that read the `parts` of a saved task from their folders, by name.
        head: name of the head that answers; None for the whole model.
        named: default names of the columns, for a model with a trained head that was never fitted.
        ways: groups of arguments of `fit` that name columns, if not all can be given together; the
            usual group comes first.
        sizes: arguments of a model from scratch, with its `family` (a model class); `model` may be
            a mapping that changes them.
        data_: the `DataProcess` of the training data.
        trained_on_: the training rows, after `fit`.
        model_: the trained model.
        history_: loss and scores of each epoch, by name.
        validation_: loss and scores of the trained model on the rows that were held out.
        report_: how many rows were used, dropped and cut.
        measured_: what a model card reports about training and scores; it is saved and loaded.
    """

    readers: ClassVar[Mapping[str, Callable[[pathlib.Path], Any]]] = {"data": DataProcess.load}
    head: str | None = None
    named: ClassVar[tuple[str, ...]] = ("text", "label")
    ways: ClassVar[tuple[tuple[str, ...], ...]] = ()
    sizes: ClassVar[Mapping[str, Any]]
    fit: Callable[..., Any]
    model: Any
    learning_rate: float | None
    seed: int
    _given: Given

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "fit" in vars(cls):
            cls.fit = _whole(cls.fit)

    @abc.abstractmethod
    def process(self, columns: Sequence[Any]) -> DataProcess:
        """Checks all settings, and returns what turns the columns of a table into batches.

        `_given` holds what was given as a model.
        """

    @abc.abstractmethod
    def make_model(self) -> Any:
        """Returns the model to train, for `data_` and `_given`."""

    def make_optimizer(self, updates: int) -> keras.optimizers.Optimizer:
        """Returns the optimizer for a training of so many updates."""
        default = 1e-3 if self._given.model is None else 1e-4
        return averaged_adamw(self.learning_rate or default, updates)

    @property
    def is_given(self) -> bool:
        """Whether a trained model was given, rather than sizes of a new one."""
        return not isinstance(self.model, Mapping | None)

    def from_scratch(self, vocabulary: Mapping[str, int], **told: Any) -> Any:
        """Returns a new model of the `sizes`; see `new_model`."""
        return new_model(self.sizes, self.model, vocabulary, **told)

    def learn(
        self,
        frame: Any,
        columns: Sequence[Any],
        *,
        validation: Any = 0.1,
        epochs: int = 20,
        recipe: str | None = None,
        **trainer: Any,
    ) -> Self:
        """Learns from the rows of a table, as every task does.

        Args:
            frame: pandas DataFrame.
            columns: names of its columns, in the order of the objective.
            validation: the rows to hold out: a share, a number, or another DataFrame; 0 for none.
                Rows with the same first text count as one, and stay on one side.
            epochs: total number of passes over the data, including those before a resume.
            recipe: "ulmfit" trains the lower parts of a given model later and more slowly, with a
                peak rate of `learning_rate` or 0.001: see `recipes.ulmfit_finetuning`. None: all
                parts alike.
            **trainer: arguments of `Trainer`. With a `directory`, `data_` is written there before
                training, and the model gets the weights of the best epoch or the average of the
                last checkpoints, whichever validates better. `clip_norm` defaults to 1 for a given
                trained model, else to none.

        Returns:
            This object.
        """
        check_known(trainer, Trainer, self.fit, self.learn)
        check_validation(validation, columns)
        has_validation = bool(hasattr(validation, "columns") or validation)
        check_arguments(has_validation=has_validation, epochs=epochs, **trainer)
        trainer["callbacks"] = check_callbacks(trainer.get("callbacks", ()))
        check_numbers(0, or_none=True, learning_rate=self.learning_rate)
        directory, resume = trainer.get("directory"), trainer.get("resume", False)
        require(recipe in (None, *RECIPES), "recipe", recipe, f"None or one of {[*RECIPES]}")
        self._given, self._is_named = self.read_given(), True
        optimizer = trainer.get("optimizer") or self.make_optimizer(1)
        check_rate(trainer["callbacks"], keras.optimizers.get(optimizer))
        if recipe is not None and self._given.model is None:
            raise ValueError(
                f"recipe={recipe!r} fine-tunes a trained model, and none was given: give a folder "
                f"or a model to {type(self).__name__}, or leave out recipe."
            )
        if recipe is not None:
            check_no_lora(self._given.model)
        frame, held_out = self._take_rows(frame, columns, validation, directory, resume)
        train = self.data_.batches(frame)
        valid = None if held_out is None else self.data_.batches(held_out, training=False)
        how = {name: trainer[name] for name in ("jit_compile", "deterministic") if name in trainer}
        train, valid = planned(train, valid, **how)
        keras.utils.set_random_seed(self.seed)
        updates = epochs * math.ceil(len(train) / trainer.get("gradient_accumulation", 1))
        with (trainer.get("strategy") or tf.distribute.get_strategy()).scope():
            model = self.make_model()
            if recipe is not None:
                told = RECIPES[recipe](self.learning_rate or 1e-3, updates)
                told["callbacks"] += trainer.pop("callbacks")
                trainer = told | trainer
            trainer.setdefault("optimizer", self.make_optimizer(updates))
        self.model_ = model
        self.graph()  # raises where settings do not fit it, before it is trained
        if self._given.model is not None:
            # As BERT was: a few large gradients behind a new head can undo what was learnt before.
            trainer.setdefault("clip_norm", 1.0)
        checkpointing = trainer["checkpointing"] = trainer.get("checkpointing") or Checkpointing()
        if trainer.get("verbose", "auto"):
            print(f"training:   {train}")
            print(f"validation: {valid}" if valid else "validation: none")
            if self._given.model is not None:
                print(f"given:      {self._given.report()}")
            print(f"model:      {weights_of(model)}", flush=True)
        run = Trainer(model, train, valid, epochs=epochs, **trainer)
        self.history_, self.report_ = run.train().history, train.report
        if recipe is not None:
            freeze(model, below=0)
        if directory is not None and valid is not None:
            run.load("winner", last=checkpointing.keep_last)
        self.validation_ = run.evaluate(valid) if valid else {}
        without_lora(model)
        self.measured_ = {"rows": str(self.report_), "validation": plain_scores(self.validation_)}
        self._given = Given()  # let go of
        return self

    def _take_rows(
        self,
        frame: Any,
        columns: Sequence[Any],
        validation: Any,
        directory: Any,
        resume: bool,
    ) -> tuple[Any, Any]:
        """Fits `data_`; returns the rows to learn from, and those held out or None."""
        data = self.process(columns)
        held_out = validation if hasattr(validation, "columns") else None
        if held_out is None and validation:
            frame, held_out = data.train_test_split(frame, validation)
        saved = None if directory is None else pathlib.Path(directory, "data")
        if resume and saved is not None and saved.is_dir():
            data = begun_with(data, DataProcess.load(saved))
        else:
            data.fit(frame)
            data.objective.get_state()  # raises now for labels that could not be saved later
            if saved is not None:
                data.save(saved)
        self.data_, self.trained_on_, self.measured_ = data, frame, {}
        return frame, held_out

    def read_given(self) -> Given:
        """Reads what was given as a model, which may be a folder."""
        return read_given(self)

    def fitted(self) -> DataProcess:
        """Returns `data_`; raises a RuntimeError if there is no trained model yet."""
        if not hasattr(self, "model_"):
            given = self.read_given()
            if given.model is None:
                raise RuntimeError(
                    f"this {type(self).__name__} has learnt nothing yet: call fit first, or load "
                    "one."
                )
            self.begin(given)
        return self.data_

    def begin(self, given: Given) -> None:
        """Takes over a given trained model, so that the task can answer without `fit`.

        Raises:
            RuntimeError: if the model lacks the head of the task.
        """
        if given.parts is not None:  # of a folder that `save` wrote
            self.take_saved(given.model, **given.parts)
            return
        if given.head(self.head) is None:
            raise RuntimeError(
                f"{given.place} has no weights of the head {self.head!r}, with which a "
                f"{type(self).__name__} answers: call fit first."
            )
        self._given, self._is_named = given, False
        data = self.process(self.named)
        data.objective.begin(given.labels(self.head))
        data.objective.set_state(given.learnt.get("objective", {}))
        self.data_, self.model_ = data, without_lora(own_copy(given.model, self.head))
        self._keep(given.learnt)
        self._given = Given()

    def save(self, folder: str | os.PathLike) -> None:
        """Writes model, tokenizers, labels and settings into a folder, in one step; see `load`.

        A model card, README.md, describes them; a card written by hand is kept.

        Raises:
            ValueError: if a setting or a label cannot be saved.
        """
        self.fitted()
        settings = {
            name: value
            for name, value in self.get_params().items()
            if name not in self.given or isinstance(value, str | Mapping | None)
        }
        learnt = self.learnt() | ({"measured": self.measured_} if self.measured_ else {})
        card = saved_card(self, settings)
        write_task(folder, self.task, self.model_, self.parts(), {**settings, **learnt}, card)

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Writes a folder that Hugging Face's transformers loads, in one step.

        It holds the model, labels, tokenizer, template of rows, lengths, and generation options.
        The same class reads it and gives the same answers, if given the same settings, such as
        `aggregation`; sampling has to be asked for again. Other files in the folder are kept. A
        `TextEmbedder` writes a folder for the sentence-transformers library.

        Args:
            folder: the folder, created if missing.

        Raises:
            ValueError: if the format cannot express the model, its tokenizer, or how they are used.
                Then nothing is written; use `save`, which keeps everything.

        Example:

        >>> rows = {"text": ["good fun", "bad jokes", "a good film"] * 6, "label": [1, 0, 1] * 6}
        >>> sizes = {"family": "Bert", "num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 32}
        >>> classify = tt.TextClassifier(sizes, vocab_size=40)
        >>> _ = classify.fit(rows["text"], rows["label"], epochs=1, validation=0, verbose=0)
        >>> classify.save_pretrained("my-classifier")
        >>> again = tt.TextClassifier("my-classifier")
        >>> again("good jokes")["label"] == classify("good jokes")["label"]
        True
        """
        from tftransformer.pretrained.save import STALE
        from tftransformer.pretrained.tokenizer_saving import REPLACED

        self.fitted()
        with replacing_folder(folder, stale=(*STALE, *REPLACED)) as beside:
            try:
                self.write_folder(beside)
            except ValueError as error:
                raise ValueError(
                    f"this {type(self).__name__} cannot be a folder of Hugging Face's library: "
                    f"{error} The task's save(folder) writes all of it."
                ) from error

    def write_folder(self, folder: pathlib.Path) -> None:
        """Writes the files of `save_pretrained` into an empty folder."""
        write_parts(self, self.model_, folder)

    def folder_parts(self) -> FolderParts:
        """Returns what `save_pretrained` writes beside the model, or raises a ValueError."""
        raise ValueError(f"transformers has no task like a {type(self).__name__}.")

    def parts(self) -> dict[str, Any]:
        """Returns what is saved beside the model, each in a folder of its name; see `readers`."""
        return {"data": self.data_}

    def learnt(self) -> dict[str, Any]:
        """Plain values that are saved beside the settings."""
        return ({} if self._is_named else {"is_named": False}) | self.kept()

    def take(self, model: Any, *args: Any, **parts: Any) -> None:
        """Takes over the model, the `parts` and what was `learnt`, so that the task can answer."""
        self.model_, self.data_ = model, parts["data"]
        self._is_named = parts.get("is_named", True)
        self._keep(parts)

    def take_saved(
        self, model: Any, *, measured: Mapping[str, Any] | None = None, **parts: Any
    ) -> None:
        """Takes what `save` wrote beside the settings."""
        self.measured_ = measured or {}
        self.take(model, **parts)

    @classmethod
    def load(cls, folder: str | os.PathLike, **changes: Any) -> Self:
        """Reads what `save` wrote. Runs no code from the folder.

        The first answer takes a second or more longer than later ones: see `warm_up`.

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
        task.take_saved(model, **parts, **learnt)
        task.graph()  # raises where settings and parts do not fit
        return task


def _whole(fit: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps `fit`: where it fails or is interrupted, the object stays as it was.

    Else it had the tokenizer and the labels of the new rows, and the model of those before.
    """

    @functools.wraps(fit)
    def whole(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return whole


def without_lora(model: Any) -> Any:
    """Returns a model with its low-rank products, if it has any, added to its weights."""
    if adapted_layers(model):
        merge_lora(model)
    return model


def begun_with(given: DataProcess, saved: DataProcess) -> DataProcess:
    """Returns the `DataProcess` of a run, if it matches the settings."""
    before, now = saved.get_config(), given.get_config()
    differ = [f"{name}={value!r}" for name, value in before.items() if value != now[name]]
    if differ:
        raise ValueError(
            f"the run was begun with {', '.join(differ)}: to resume it, give the same again."
        )
    return saved
