"""Estimator: what scikit-learn asks of a task."""

import abc
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from tftransformer.core import check_names
from tftransformer.tasks.folder import is_saved, read_settings


class Estimator(abc.ABC):
    """An object whose settings are the arguments of its constructor, kept as given.

    If `model` is a folder that `save` of the same task wrote, settings that are not given are the
    saved ones. It works with `sklearn.base.clone`, `Pipeline`, `cross_val_score` and
    `GridSearchCV`.

    Attributes:
        task: its name, also used for its file.
        given: arguments of the constructor that may be trained parts; `model_` and `parts` are
            saved in their place.
        anew: settings that are not taken from a folder, since a trained model needs others.
        keeps: names of further plain values that are learnt, saved and loaded: they stand in
            attributes of these names with an underscore behind, None where there is none.
    """

    task: ClassVar[str]
    given: ClassVar[tuple[str, ...]] = ("model", "tokenizer")
    anew: ClassVar[tuple[str, ...]] = ("learning_rate",)
    keeps: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = _as_saved(cls.__init__)  # type: ignore[method-assign]

    @abc.abstractmethod
    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """Returns scores on the rows of a table, with those of baselines if asked."""

    @classmethod
    def setting_names(cls) -> list[str]:
        """Names of the arguments of the constructor."""
        return list(inspect.signature(cls).parameters)

    def __sklearn_clone__(self) -> Self:
        """Returns an unfitted task with the same settings; `fit` trains a copy of a given model."""
        return type(self)(**self.get_params())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Returns the arguments of the constructor, for scikit-learn."""
        return {name: getattr(self, name) for name in self.setting_names()}

    def set_params(self, **params: Any) -> Self:
        """Sets arguments of the constructor, for scikit-learn."""
        for name, value in params.items():
            if name not in self.setting_names():
                raise ValueError(
                    f"{name!r} is not a setting; they are {', '.join(self.setting_names())}."
                )
            setattr(self, name, value)
        return self

    def kept(self) -> dict[str, Any]:
        """The values of `keeps` that there are, by name."""
        values = {name: getattr(self, f"{name}_") for name in self.keeps}
        return {name: value for name, value in values.items() if value is not None}

    def _keep(self, values: Mapping[str, Any]) -> None:
        """Takes over those of `keeps` that are among some values."""
        for name in {*self.keeps} & values.keys():
            setattr(self, f"{name}_", values[name])

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        kind = "classifier" if hasattr(self, "predict_proba") else None
        tags = {"target_tags": TargetTags(required=True), "input_tags": InputTags(string=True)}
        return Tags(estimator_type=kind, classifier_tags=ClassifierTags(), **tags)

    def score(self, data: Any, labels: Any = None) -> float:
        """Returns the first score of `evaluate`, for scikit-learn; errors are negated."""
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


def _as_saved(init: Callable[..., None]) -> Callable[..., None]:
    """Wraps a constructor: what is not given is as in the folder that is given as a model."""
    signature = inspect.signature(init)

    @functools.wraps(init)
    def filled(self: Estimator, *args: Any, **kwargs: Any) -> None:
        what, advice = f"setting of {type(self).__name__}", " How to train is told to fit."
        check_names(kwargs, list(signature.parameters)[1:], what, advice)
        told = signature.bind_partial(self, *args, **kwargs).arguments
        missing = signature.parameters.keys() - told.keys() - {*self.given, *self.anew}
        if missing and is_saved(told.get("model"), self.task):
            saved = read_settings(told["model"], self.task)
            kwargs |= {name: saved[name] for name in missing & saved.keys()}
        init(self, *args, **kwargs)

    return filled
