"""TextClassifier."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import keras
import numpy as np

from tftransformer.data import DataProcess
from tftransformer.models import SentenceModel
from tftransformer.models.headed_model import HeadedModel
from tftransformer.tasks.baselines import evaluation
from tftransformer.tasks.classification_graph import ClassificationGraph
from tftransformer.tasks.given import (
    given_model,
    given_tokenizer,
    objective_of,
    own_copy,
    positions_of,
)
from tftransformer.tasks.tables import label_array, probabilities, ranked, table, with_index
from tftransformer.tasks.task import Task
from tftransformer.training.recipes import averaged_adamw

HEAD = "sequence_classification"


class TextClassifier(Task):
    """Says which class a text, or a pair of texts, is of.

    Texts of more than `max_length` tokens lose their ends, with a count in a warning.

    Args:
        model: what is trained further: a model, or the folder of one that Hugging Face's library
            wrote; with it belongs its `tokenizer`. None: a `SentenceModel`, from scratch.
        tokenizer: of that model; or as in `DataProcess`, to be learnt. None: see `learn_unigram`.
        labels: "single" (any hashable), "several" (a list of them in each row) or "numbers".
        class_weight: "balanced", or what a row of each class weighs, by label.
        smoothing: of the loss of single labels.
        max_length: most tokens of a row.
        vocab_size: of a tokenizer that is learnt.
        num_layers: of a model from scratch; with 0 the order of words does not count.
        learning_rate: highest one; default 0.001 from scratch, else 0.0001.
        batch_size: texts answered at once.
        seed: of weights, order and dropout.

    Example:

    >>> texts = ["a good film", "a bad film", "good fun", "bad jokes", "good", "bad"] * 9
    >>> classify = TextClassifier(vocab_size=60)
    >>> classify.fit(texts, [1, 0] * 27, epochs=1, validation=0, verbose=0)("a good joke")
    {'label': ..., 'score': ...}
    """

    task = "text_classifier"

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        labels: str = "single",
        class_weight: Mapping[Any, float] | str | None = None,
        smoothing: float = 0.1,
        max_length: int = 256,
        vocab_size: int = 4000,
        num_layers: int = 1,
        learning_rate: float | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.labels = model, tokenizer, labels
        self.class_weight, self.smoothing, self.max_length = class_weight, smoothing, max_length
        self.vocab_size, self.num_layers, self.learning_rate = vocab_size, num_layers, learning_rate
        self.batch_size, self.seed = batch_size, seed

    def fit(
        self, data: Any, labels: Any = None, *, text: Any = "text", label: Any = "label", **how: Any
    ) -> Self:
        """Learns from a DataFrame, or from texts (or pairs of them) and `labels`.

        Args:
            data: the DataFrame, or the texts.
            labels: of the texts.
            text: name of the column of texts, or a list of two.
            label: name of the column of labels.
            **how: `validation`, `epochs` and what else `Task.learn` takes.
        """
        return self.learn(*table(data, labels, text, label), **how)

    def process(self, columns: Sequence[Any]) -> DataProcess:
        options, self._given = given_tokenizer(self), given_model(self.model)
        limit = min(self.max_length, positions_of(self._given) or self.max_length)
        headed = self._given is None or isinstance(self._given, HeadedModel)
        single = {"class_weight": self.class_weight, "smoothing": self.smoothing}
        objective = objective_of(self.labels, HEAD if headed else None, **single)
        limits: Any = {"max_length": limit, "batch_tokens": max(1024, limit), "seed": self.seed}
        return DataProcess(*columns, objective=objective, **options, **limits)

    def make_model(self) -> Any:
        tokenizer, count = self.data_.tokenizers[0], self.data_.objective.num_outputs
        if self._given is not None:
            return own_copy(self._given, HEAD, count)
        sizes: Any = {"num_layers": self.num_layers, "num_positions": self.data_.max_length}
        sizes |= {"pad_id": tokenizer.special_ids["pad"], "heads": {HEAD: {"labels": count}}}
        return SentenceModel(tokenizer.vocab_size, **sizes)

    def make_optimizer(self, updates: int) -> keras.optimizers.Optimizer:
        return averaged_adamw(self.learning_rate or (1e-4 if self._given else 1e-3), updates)

    @property
    def classes_(self) -> np.ndarray:
        """The labels; class `i` is logit `i`."""
        return label_array(self.fitted().objective.classes_)

    def graph(self, max_length: int | None = None) -> ClassificationGraph:
        data, two = self.fitted(), len(self.text_columns()) > 1
        return ClassificationGraph(
            tokenizer=data.tokenizers[0],
            template=data.row_template,
            texts=["first_texts", "second_texts"] if two else ["texts"],
            labels=[str(label) for label in getattr(data.objective, "classes_", ())],
            kind=self.labels,
            output=data.objective.output,
            max_length=max_length or data.max_length,
        )

    def answers(self, columns: Sequence[list[str]], top_k: int | None = None) -> list[Any]:
        """For each row `label` and `score`, or a `value`; with `top_k` a list, best first."""
        found = self.compute(columns)
        if self.labels == "numbers":
            return [{"value": row.tolist() if len(row) > 1 else float(row[0])} for row in found]
        classes = self.fitted().objective.classes_
        return [ranked(row, classes, top_k, self.labels == "several") for row in found]

    def predict(self, texts: Any) -> Any:
        """The labels, or numbers: a list, or of a Series or DataFrame a Series."""
        name = "value" if self.labels == "numbers" else "label"
        return with_index([each[name] for each in self.answers(self.columns(texts))], texts)

    def predict_proba(self, texts: Any) -> Any:
        """The probability of each class: a DataFrame with the labels as columns."""
        found = np.array(self.compute(self.columns(texts))).reshape(-1, len(self.classes_))
        return probabilities(found, self.classes_, texts)

    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """Scores, and after `fit` beside them those of `majority` and `linear` baselines."""
        *names, label = self.fitted().columns
        frame, _ = table(data, labels, names, label)
        return evaluation(self, frame, names, label, baselines)
