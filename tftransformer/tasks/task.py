"""Task: what every task does, written once."""

import abc
import functools
import inspect
import math
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, Self

import keras
import tensorflow as tf

from tftransformer.core import check_numbers, replacing_folder, require
from tftransformer.data import DataProcess
from tftransformer.tasks.answering import Answerer
from tftransformer.tasks.card import plain_scores, saved_card
from tftransformer.tasks.folder import read_task, write_task
from tftransformer.tasks.given import Given, own_copy, read_given
from tftransformer.tasks.pretrained_folder import FolderParts, write_parts
from tftransformer.tasks.scratch import new_model
from tftransformer.tasks.tables import check_validation
from tftransformer.training import Checkpointing, Trainer
from tftransformer.training.preparation import check_arguments, check_callbacks, planned
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

    A page names its task, says how rows become ids and outputs become answers (`graph`,
    `answers`), what is learnt (`fit`, `process`, `make_model`) and what is scored (`evaluate`). The
    rest is here: shapes of results, batches, training, `save`, `load`, `export`, and what
    scikit-learn asks of an estimator.

    Settings are arguments of the constructor, kept as they were given. What is learnt are
    attributes whose names end in an underscore.

    Attributes:
        readers: functions that read the `parts` of a saved task from their folders, by name.
        head: of the model, which answers; None where the whole model does.
        named: what its columns are called where no table has named them, since the model came
            with a trained head.
        ways: arguments of `fit` that name columns which go together, where not all do; the first
            are the usual ones.
        sizes: of the model from scratch, its `family` (a class of models) included; `model` may be
            a mapping of those that differ.
        data_: the `DataProcess` that it learnt from.
        trained_on_: the rows that it learnt from, after `fit`.
        model_: the trained model.
        history_: loss and scores of each epoch, by name.
        validation_: loss and scores of the trained model on the rows that were held out.
        report_: how many rows were used, dropped and cut.
        measured_: what a model card says of the training and of scores; it is saved and loaded.
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
        """Returns what turns the columns of a table into batches; checks all settings first.

        What was given as a model stands in `_given`.
        """

    @abc.abstractmethod
    def make_model(self) -> Any:
        """Returns the model to train, for what `data_` has found and `_given` holds."""

    def make_optimizer(self, updates: int) -> keras.optimizers.Optimizer:
        """Returns the optimizer for a training of so many updates."""
        default = 1e-3 if self._given.model is None else 1e-4
        return averaged_adamw(self.learning_rate or default, updates)

    @property
    def is_given(self) -> bool:
        """Whether a trained model was given, rather than what one from scratch is to be like."""
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
            validation: a share of the rows, their number, or another DataFrame; 0 for none. Rows
                with the same first text count as one, and stay on one side.
            epochs: passes over the data, those before a resume included.
            recipe: "ulmfit" trains lower parts of a given model more slowly, and later, up to
                `learning_rate` or 0.001: see `recipes.ulmfit_finetuning`. None: all parts alike.
            **trainer: what `Trainer` takes. With a `directory`, `data` is written there before
                training, and of the best epoch and the average of the last ones the model takes
                what validates better. `clip_norm` is 1 where a trained model was given, else none.

        Returns:
            This object.
        """
        unknown = sorted(trainer.keys() - inspect.signature(Trainer).parameters.keys())
        if unknown:
            known = (inspect.signature(f).parameters for f in (self.fit, self.learn, Trainer))
            close = get_close_matches(unknown[0], {name for names in known for name in names}, 1)
            meant = f": {close[0]!r} is one" if close else ""
            raise TypeError(f"{unknown[0]!r} is an argument of neither fit nor Trainer{meant}.")
        check_validation(validation, columns)
        has_validation = bool(hasattr(validation, "columns") or validation)
        check_arguments(has_validation=has_validation, epochs=epochs, **trainer)
        trainer["callbacks"] = check_callbacks(trainer.get("callbacks", ()))
        check_numbers(0, or_none=True, learning_rate=self.learning_rate)
        directory, resume = trainer.get("directory"), trainer.get("resume", False)
        require(recipe in (None, *RECIPES), "recipe", recipe, f"None or one of {[*RECIPES]}")
        self._given, self._is_named = self.read_given(), True
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
            print(f"model:      {_weights_of(model)}", flush=True)
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
        """Reads what was given as a model, be it a folder."""
        return read_given(self)

    def fitted(self) -> DataProcess:
        """Returns `data_`; raises where nothing was learnt yet, and what was given is untrained."""
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
        """Takes a trained model, so that this object is ready without a fit.

        Raises:
            RuntimeError: if it lacks the head that answers.
        """
        if given.parts is not None:  # of a folder that `save` wrote
            self.take_saved(given.model, **given.parts)
            return
        if given.head(self.head) is None:
            raise RuntimeError(
                f"{given.place} has no weights of the head {self.head!r}, by which a "
                f"{type(self).__name__} answers, and answers of new ones mean nothing: call fit "
                "first."
            )
        self._given, self._is_named = given, False
        data = self.process(self.named)
        data.objective.begin(given.labels(self.head))
        data.objective.set_state(given.learnt.get("objective", {}))
        self.data_, self.model_ = data, without_lora(own_copy(given.model, self.head))
        self._given = Given()

    def save(self, folder: str | os.PathLike) -> None:
        """Writes model, tokenizers, labels and settings into a folder, in one step; see `load`.

        A model card, README.md, says what they are; one that a person wrote stays as it is.

        Raises:
            ValueError: if a setting or a label could not be read again.
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

        Model, labels, tokenizer, template of rows, lengths, and how texts are generated. The same
        class reads it and answers alike, where it is given the same settings, such as
        `aggregation`; whether tokens are drawn is asked for anew, too. What else lies in the folder
        stays. A `TextEmbedder` writes a folder of the sentence-transformers library.

        Args:
            folder: where to; made if need be.

        Raises:
            ValueError: if the format has no words for the model, its tokenizer, or what it does
                with them. Then nothing is written; `save` writes all of it.

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
        """Writes what `save_pretrained` does, into an empty folder."""
        write_parts(self, self.model_, folder)

    def folder_parts(self) -> FolderParts:
        """What `save_pretrained` says beside the model; raises a ValueError where it cannot."""
        raise ValueError(f"nobody there knows what a {type(self).__name__} does.")

    def parts(self) -> dict[str, Any]:
        """What is saved beside the model, each in a folder of its name; see `readers`."""
        return {"data": self.data_}

    def learnt(self) -> dict[str, Any]:
        """Plain values that are saved beside the settings."""
        return {} if self._is_named else {"is_named": False}

    def take(self, model: Any, *args: Any, **parts: Any) -> None:
        """Takes the model, the `parts` and what was `learnt`, so that this object is ready."""
        self.model_, self.data_ = model, parts["data"]
        self._is_named = parts.get("is_named", True)

    def take_saved(
        self, model: Any, *, measured: Mapping[str, Any] | None = None, **parts: Any
    ) -> None:
        """Takes what `save` wrote beside the settings."""
        self.measured_ = measured or {}
        self.take(model, **parts)

    @classmethod
    def load(cls, folder: str | os.PathLike, **changes: Any) -> Self:
        """Reads what `save` wrote. Runs no code from the folder.

        The first answer takes a second or more longer than those that follow: see `warm_up`.

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


def _weights_of(model: keras.Model) -> str:
    """How many weights a model has, and how many of them are trained, in words."""
    trained = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    told = f"{model.count_params():,} parameters"
    return told if not model.non_trainable_weights else f"{told}, {trained:,} of them trained"


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
    """Returns a model whose low-rank products, if it has any, are added to its weights."""
    if adapted_layers(model):
        merge_lora(model)
    return model


def begun_with(given: DataProcess, saved: DataProcess) -> DataProcess:
    """Returns the `DataProcess` that a run was begun with, if it is as the settings say."""
    before, now = saved.get_config(), given.get_config()
    differ = [f"{name}={value!r}" for name, value in before.items() if value != now[name]]
    if differ:
        raise ValueError(
            f"the run was begun with {', '.join(differ)}: to resume it, give the same again."
        )
    return saved
