"""MultipleChoice."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf

from tftransformer.objectives import Choices
from tftransformer.tasks.choice_graph import ChoiceGraph
from tftransformer.tasks.choices import choice_rows, choice_table, sliding_window
from tftransformer.tasks.given import Given
from tftransformer.tasks.learners import learn_unigram
from tftransformer.tasks.row_task import RowTask
from tftransformer.tasks.tables import in_container


class MultipleChoice(RowTask):
    """Chooses which of several answers to a question about a context is right.

    Contexts that are too long are truncated, with a count in a warning.

    Args:
        model: the folder of a model that Hugging Face's library or `save` wrote: with a trained
            head it can answer straight away, and `fit` trains it further. Or a model, with its
            `tokenizer`. None, or a dict of sizes: a small one, trained from scratch; see
            `TextClassifier`.
        tokenizer: tokenizer of that model, or one to learn, as in `DataProcess`. None: see
            `learn_unigram`.
        max_length: largest number of tokens in a row; None: the limit of the model, or 256 from
            scratch.
        too_long: what to do with longer rows: "cut" them, or "refuse" with an error.
        vocab_size: size of the vocabulary, if a tokenizer is learnt.
        learning_rate: peak of the learning rate; default 0.001 from scratch, else 0.0001.
        batch_size: number of rows answered at once.
        seed: seed of the weights, the order of rows and dropout.

    Example:

    >>> rows = [("it rains", "what is wet?", ["the street", "fire"], 0)] * 9
    >>> rows += [("the sun shines", "what is hot?", ["ice", "the sand"], "the sand")] * 9
    >>> choose = MultipleChoice(vocab_size=50).fit(rows, epochs=1, validation=0, verbose=0)
    >>> choose("it rains", "what is wet?", ["the street", "fire"])
    {'choice': ..., 'index': ..., 'scores': [..., ...]}
    """

    task, head, said = "multiple_choice", "multiple_choice", "choice"
    named = ("context", "choices", "answer")
    further_tokens = 4096  # a question is several rows: of fewer tokens two would make an update
    keeps = ("names",)
    names_: Sequence[Any] = ("context", "question", "choices", "answer")

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        max_length: int | None = None,
        too_long: str = "cut",
        vocab_size: int = 4000,
        learning_rate: float | None = None,
        batch_size: int = 16,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.max_length = model, tokenizer, max_length
        self.too_long, self.vocab_size, self.learning_rate = too_long, vocab_size, learning_rate
        self.batch_size, self.seed = batch_size, seed

    def fit(
        self,
        data: Any,
        *,
        context: Any = "context",
        question: Any = "question",
        choices: Any = "choices",
        answer: Any = "answer",
        **how: Any,
    ) -> Self:
        """Learns from a DataFrame, or from tuples of context, question, choices and answer.

        Args:
            data: the DataFrame, or the tuples.
            context: name of the column of contexts.
            question: name of the column of questions; None: there are none.
            choices: name of the column of lists of strings.
            answer: name of the column of answers: the right choice, or its number.
            **how: `validation`, `epochs` and further arguments of `Task.learn`.
        """
        names = [context, question, choices, answer]
        frame = choice_table(data, names)
        if hasattr(how.get("validation"), "columns"):
            how["validation"] = choice_table(how["validation"], names)
        self._seconds = [text for each in frame["choices"] for text in each]
        self.learn(frame, ["context", "choices", "answer"], **how)
        self.names_ = names
        return self

    def objective(self, given: Given, output: str | None) -> Choices:
        return Choices(given.limit(self.max_length, self.default_length), output=output)

    def learn_tokenizer(self, texts: list[str], vocab_size: int) -> Any:
        """Learns from contexts, questions and choices."""
        return learn_unigram([*texts, *self._seconds], vocab_size, sampling_alpha=0.0)

    def head_arguments(self) -> dict[str, Any]:
        return {}

    def graph(self, max_length: int | None = None) -> ChoiceGraph:
        return ChoiceGraph(**self.row(max_length))

    def __call__(  # type: ignore[override] # of three things, which have names
        self, context: Any, question: Any = "", choices: Any = None
    ) -> Any:
        """Answers.

        Args:
            context: a string; or rows of context, question and choices, in tuples or a DataFrame
                with the columns that it was fitted with.
            question: the question on that string; empty: none.
            choices: list of strings.

        Returns:
            `choice`, `index` and `scores`, one for each choice; of rows a list of these, of a
            DataFrame one with its index.
        """
        if isinstance(context, str):
            if choices is None:
                raise TypeError("give choices: choose(context, question, [first, second, …]).")
            return self.answers(choice_rows([(context, question, choices)]))[0]
        return in_container(self.answers(self.columns(context)), context)

    def _is_one(self, texts: Any) -> bool:
        return isinstance(texts, tuple) and len(texts) == 3 and isinstance(texts[0], str)

    def columns(self, texts: Any) -> list[list[Any]]:
        """Contexts, questions and choices of several rows."""
        self.fitted()
        return choice_rows(texts, self.names_[:3])

    def answers(self, columns: Sequence[list[Any]]) -> list[Any]:
        """For each row `choice`, `index` and `scores`."""
        found = []
        for choices, row in zip(columns[2], self.compute(columns), strict=True):
            scores = row[: len(choices)].tolist()
            best = int(np.argmax(scores))
            found.append({"choice": choices[best], "index": best, "scores": scores})
        return found

    def size(self, *row: Any) -> Any:
        context, _, choices = row
        return len(choices), len(context)

    def tensors(self, columns: Sequence[list[Any]], rows: Sequence[int]) -> list[tf.Tensor]:
        *texts, choices = columns
        width = max(len(choices[i]) for i in rows)
        padded = [[*choices[i], *[""] * (width - len(choices[i]))] for i in rows]
        return [*super().tensors(texts, rows), tf.constant(padded, tf.string)]

    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """Accuracy, with that of chance and of a sliding window over the context as baselines.

        Args:
            data: rows with their answers, as for `fit`.
            labels: None.
            baselines: whether to score the baselines.
        """
        self.fitted()
        frame = choice_table(data, self.names_)
        columns = [frame[name].tolist() for name in ("context", "question", "given")]
        truth = np.array(frame["answer"].tolist())
        right = np.array([each["index"] for each in self.answers(columns)]) == truth
        scores: dict[str, Any] = {"rows": len(frame), "accuracy": float(right.mean())}
        if baselines:
            window = [sliding_window(*row) for row in zip(*columns, strict=True)]
            chance = float(np.mean([1 / len(each) for each in columns[2]]))
            scores |= {"chance": {"accuracy": chance}}
            scores["sliding_window"] = {"accuracy": float(np.mean(np.array(window) == truth))}
        return scores
