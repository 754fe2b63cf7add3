"""TextClassifier."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np

from tftransformer.core import check_ints, require
from tftransformer.objectives import Objective
from tftransformer.tasks.baselines import evaluation, tell_unseen
from tftransformer.tasks.classification_graph import ACTIVATIONS, OF_KIND, ClassificationGraph
from tftransformer.tasks.given import PROBLEMS, Given, kind_of, objective_of
from tftransformer.tasks.pretrained_folder import FolderParts
from tftransformer.tasks.row_task import RowTask
from tftransformer.tasks.tables import label_array, probabilities, ranked, table
from tftransformer.tasks.thresholds import USUAL, best_thresholds, check_threshold, thresholds_of


class TextClassifier(RowTask):
    """Predicts the class of a text, or of a pair of texts.

    Texts of more than `max_length` tokens are truncated, with a count in a warning.

    Args:
        model: the folder of a model that Hugging Face's library or `save` wrote: with a trained
            head it can answer straight away, and `fit` trains it further. Or a model, with its
            `tokenizer`. None: a small one, trained from scratch; a dict changes its `sizes`, such
            as `{"num_layers": 2}` or `{"family": "Bert"}`. With a folder that `save` wrote,
            settings that are not given are the saved ones, except the learning rate.
        tokenizer: tokenizer of that model; or what `pretrained.read_tokenizer` returns, with its
            template and length; or one to learn, as in `DataProcess`. None: see `learn_unigram`.
        labels: "single" (any hashable), "several" (a list of them in each row) or "numbers". None:
            as in the folder, or "single".
        class_weight: "balanced", or a dict with the weight of a row, by label.
        smoothing: label smoothing of the loss for single labels.
        threshold: for several labels, the probability from which on a label is answered, or a dict
            of them by label, which leaves others at 0.5. None: as `tune` found them, or 0.5.
        max_length: largest number of tokens in a row; None: the limit of the model, or 256 from
            scratch.
        too_long: what to do with longer rows: "cut" them, or "refuse" with an error.
        vocab_size: size of the vocabulary, if a tokenizer is learnt.
        learning_rate: peak of the learning rate; default 0.001 from scratch, else 0.0001.
        batch_size: number of texts answered at once.
        seed: seed of the weights, the order of rows and dropout.

    Attributes:
        thresholds_: what `tune` found for each label, or None.

    Example:

    >>> texts = ["a good film", "a bad film", "good fun", "bad jokes", "good", "bad"] * 9
    >>> classify = TextClassifier(vocab_size=60)
    >>> classify.fit(texts, [1, 0] * 27, epochs=1, validation=0, verbose=0)("a good joke")
    {'label': ..., 'score': ...}
    """

    task, head, pair = "text_classifier", "sequence_classification", ("text", "text_pair")
    keeps = ("thresholds",)
    thresholds_: list[float] | None = None

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        labels: str | None = None,
        class_weight: Mapping[Any, float] | str | None = None,
        smoothing: float = 0.1,
        threshold: float | Mapping[Any, float] | None = None,
        max_length: int | None = None,
        too_long: str = "cut",
        vocab_size: int = 4000,
        learning_rate: float | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.labels = model, tokenizer, labels
        self.class_weight, self.smoothing, self.threshold = class_weight, smoothing, threshold
        self.max_length = max_length
        self.too_long, self.vocab_size, self.learning_rate = too_long, vocab_size, learning_rate
        self.batch_size, self.seed = batch_size, seed

    def fit(
        self, data: Any, labels: Any = None, *, text: Any = "text", label: Any = "label", **how: Any
    ) -> Self:
        """Learns from a DataFrame, or from texts (or pairs of them) and `labels`.

        Args:
            data: the DataFrame, or the texts.
            labels: their labels; None for a DataFrame.
            text: name of the column of texts, or a list of two.
            label: name of the column of labels.
            **how: `validation`, `epochs` and further arguments of `Task.learn`.
        """
        self.thresholds_ = None
        return self.learn(*table(data, labels, text, label), **how)

    def objective(self, given: Given, output: str | None) -> Objective:
        kind = self.labels or given.kind or "single"
        if self.threshold is not None and kind != "several":
            raise ValueError(
                f"threshold={self.threshold!r} is for several labels of a text, and there are "
                f"{kind} ones: leave it out, or say labels='several'."
            )
        return objective_of(
            kind,
            output,
            given.labels(self.head),
            class_weight=self.class_weight,
            smoothing=self.smoothing,
        )

    def check_answering(self) -> None:
        super().check_answering()
        check_threshold(self.threshold)

    def make_model(self) -> Any:
        model = super().make_model()
        objective: Any = self.data_.objective
        further = getattr(model, "further_config", {})
        model.further_config = {**further, "problem_type": PROBLEMS[kind_of(objective)]}
        return model

    def folder_parts(self) -> FolderParts:
        said = super().folder_parts()
        return replace(said, config={**said.config, "problem_type": PROBLEMS[self.kind]})

    def tuned(self) -> dict[str, Any]:
        return self.kept()

    @property
    def classes_(self) -> np.ndarray:
        """The labels; class `i` is logit `i`."""
        return label_array(self.fitted().objective.classes_)

    @property
    def kind(self) -> str:
        """The kind of labels, "single", "several" or "numbers", as set or as in the folder."""
        objective: Any = self.fitted().objective
        return kind_of(objective)

    @property
    def _thresholds(self) -> Any:
        """The threshold of each label, float32 (classes,), where there are several; else None."""
        if self.kind != "several":
            return None
        if self.threshold is None and self.thresholds_ is not None:
            return np.array(self.thresholds_, np.float32)
        return thresholds_of(self.threshold or USUAL, self.fitted().objective.classes_)

    def graph(self, max_length: int | None = None, texts: int | None = None) -> ClassificationGraph:
        data, names = self.fitted(), self.text_columns()
        return ClassificationGraph(
            texts=["first_texts", "second_texts"] if (texts or len(names)) > 1 else ["texts"],
            labels=[str(label) for label in getattr(data.objective, "classes_", ())],
            kind=self.kind,
            thresholds=self._thresholds,
            **self.row(max_length),
        )

    def answers(
        self, columns: Sequence[list[str]], top_k: int | None = None, activation: str | None = None
    ) -> list[Any]:
        """Returns `label` and `score`, or a `value`, for each row.

        Args:
            columns: the texts.
            top_k: number of labels to return in a list, best first; None: the predicted label, not
                in a list.
            activation: activation of the logits, "softmax", "sigmoid" or "none"; default: the one
                for the kind of labels.
        """
        check_ints(1, or_none=True, top_k=top_k)
        require(activation in (None, *ACTIVATIONS), "activation", activation, str([*ACTIVATIONS]))
        found = self.scores(columns, activation or OF_KIND[self.kind])
        if self.kind == "numbers":
            return [{"value": row.tolist() if len(row) > 1 else float(row[0])} for row in found]
        classes = self.fitted().objective.classes_
        least = self._thresholds
        return [ranked(row, classes, top_k, least) for row in found]

    def scores(self, columns: Sequence[list[str]], activation: str) -> np.ndarray:
        """Returns the logits after an activation: float32 (rows, classes)."""
        act = ACTIVATIONS[activation]
        self.warn_of_nothing(columns)
        found = self.compute(columns, lambda logits: list(act(logits).numpy()))
        return np.array(found, np.float32).reshape(len(found), self.fitted().objective.num_outputs)

    def alone(self, columns: Sequence[list[str]]) -> list[Any]:
        """The labels, or numbers."""
        name = "value" if self.kind == "numbers" else "label"
        return [answer[name] for answer in self.answers(columns)]

    def predict_proba(self, texts: Any) -> Any:
        """Returns the probability of each class, as a DataFrame with the labels as columns.

        For a single row it is a Series with the labels as its index.
        """
        if self._is_one(texts):
            return self.predict_proba([texts]).iloc[0]
        found = self.scores(self.columns(texts), OF_KIND[self.kind])
        return probabilities(found, self.classes_, texts)

    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """Returns scores, after `fit` with those of the baselines `majority` and `linear`.

        Of several labels also the `threshold`, or where they differ a dict of them by label.
        """
        frame, names, label = self._asked(data, labels)
        scores = evaluation(self, frame, names, label, baselines)
        if self.kind == "several":
            used = dict(zip(map(str, self.classes_), self._thresholds.tolist(), strict=True))
            scores["threshold"] = used if len({*used.values()}) > 1 else next(iter(used.values()))
        return scores

    def tune(self, data: Any, labels: Any = None) -> dict[Any, float]:
        """Sets for each of several labels the threshold with the best F1 on some rows.

        Give rows that it has not learnt from, but not those that `evaluate` is to score.

        Args:
            data: a DataFrame with the columns that were fitted, or texts.
            labels: their labels; None for a DataFrame.

        Returns:
            the thresholds by label. A label that no row has stays at 0.5.

        Raises:
            ValueError: if there is one label for each text, or the setting `threshold` says which
                thresholds count.
        """
        if self.kind != "several" or self.threshold is not None:
            raise ValueError(
                f"labels={self.kind!r} and threshold={self.threshold!r}: thresholds are tuned for "
                "several labels, where the setting leaves them open."
            )
        frame, names, column = self._asked(data, labels)
        found = self.scores(self.columns(frame[names]), OF_KIND["several"])
        classes, truth = self.classes_.tolist(), frame[column].tolist()
        tell_unseen(truth, classes, self.kind)
        has = np.array([[label in row for label in classes] for row in truth])
        self.thresholds_ = best_thresholds(found, has).tolist()
        return dict(zip(classes, self.thresholds_, strict=True))

    def _asked(self, data: Any, labels: Any) -> tuple[Any, list[Any], Any]:
        """A table, the names of its columns of texts, and that of its labels."""
        *names, label = self.fitted().columns
        frame, _ = table(data, labels, names, label)
        return frame, names, label
