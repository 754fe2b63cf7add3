"""Estimator: what scikit-learn asks of a task."""

import abc
import inspect
from typing import Any, Self


class Estimator(abc.ABC):
    """An object whose settings are the arguments of its constructor, kept as they were given.

    `sklearn.base.clone`, `Pipeline`, `cross_val_score` and `GridSearchCV` take it as their own.
    """

    @abc.abstractmethod
    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """Returns scores on the rows of a table, with those of baselines if asked."""

    @classmethod
    def setting_names(cls) -> list[str]:
        """Names of the arguments of the constructor."""
        return list(inspect.signature(cls).parameters)

    def __sklearn_clone__(self) -> Self:
        """An unfitted one with the same settings; fit trains a copy of a model that was given."""
        return type(self)(**self.get_params())

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor, as scikit-learn asks for them."""
        return {name: getattr(self, name) for name in self.setting_names()}

    def set_params(self, **params: Any) -> Self:
        """Sets arguments of the constructor, as scikit-learn does."""
        for name, value in params.items():
            if name not in self.setting_names():
                raise ValueError(
                    f"{name!r} is no setting; they are {', '.join(self.setting_names())}."
                )
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
