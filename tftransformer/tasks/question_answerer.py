"""QuestionAnswerer."""

import types
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, Self

from tftransformer.core import check_ints, require
from tftransformer.models.headed_model import HeadedModel
from tftransformer.models.span_model import SpanModel
from tftransformer.objectives import Answers
from tftransformer.scores import squad_scores
from tftransformer.tasks.answer_graph import AnswerGraph, as_answers
from tftransformer.tasks.given import Given
from tftransformer.tasks.learners import learn_wordpieces
from tftransformer.tasks.pretrained_folder import FolderParts
from tftransformer.tasks.questions import question_table, sliding_window
from tftransformer.tasks.row_task import WindowedTask


class QuestionAnswerer(WindowedTask):
    """Answers questions with words of a context, or tells that it does not contain the answer.

    Contexts of any length are read in overlapping windows; see `AnswerGraph` for how answers are
    found and what their scores mean. A question that leaves no room for its context is an error.

    Args:
        model: the model to use or to train further: a folder, or a model with its `tokenizer`; see
            `TextClassifier`. None, or a dict of sizes: a small one, trained from scratch.
        tokenizer: tokenizer of that model, or one to learn, as in `DataProcess`. None: learns
            WordPiece.
        max_length: largest number of tokens in a window, question included; default: the limit of
            the model, at most 384.
        stride: pieces of a context that neighbouring windows share; "auto": 64, or a quarter of a
            window if that is less.
        max_answer_length: largest number of pieces in an answer.
        align_to_words: whether answers are widened to whole words.
        handle_impossible_answer: whether "" is a possible answer. None: if the training data had
            questions without an answer.
        vocab_size: largest size of the vocabulary, if a tokenizer is learnt.
        learning_rate: peak of the learning rate; default 0.001 from scratch, else 0.0001.
        batch_size: number of questions, and of windows, computed at once.
        seed: seed of the weights, the order of rows and dropout.

    Attributes:
        threshold_: by how much "no answer" must be likelier than the best span; see `tune`.

    Example:

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"question": ["who left ?", "who met Bob ?"] * 6,
    ...                      "context": ["Ann left .", "Zoe met Bob ."] * 6,
    ...                      "answer": ["Ann", "Zoe"] * 6, "start": [0, 0] * 6})
    >>> answer = QuestionAnswerer(vocab_size=60, max_length=32, stride=4)
    >>> answer.fit(rows, epochs=1, validation=0, verbose=0)("who left ?", "Bob left .")
    {'answer': ..., 'score': ..., 'start': ..., 'end': ..., ...}
    """

    task, said = "question_answerer", "answer"
    ways = (("question", "context", "answer"), ("question", "context", "answer", "start"))
    sizes = types.MappingProxyType({"family": "SentenceModel", "num_layers": 2})
    head = "span"
    named = ("question", "context", "answer")
    default_length = 384
    too_long = "refuse"  # of questions: contexts are read in windows
    learn_tokenizer = staticmethod(learn_wordpieces)
    keeps = ("threshold",)
    threshold_ = 0.0

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        max_length: int | None = None,
        stride: int | Literal["auto"] = "auto",
        max_answer_length: int = 15,
        align_to_words: bool = True,
        handle_impossible_answer: bool | None = None,
        vocab_size: int = 8000,
        learning_rate: float | None = None,
        batch_size: int = 32,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.max_length, self.stride = (
            model, tokenizer, max_length, stride
        )  # fmt: skip
        self.max_answer_length, self.align_to_words = max_answer_length, align_to_words
        self.handle_impossible_answer, self.vocab_size = handle_impossible_answer, vocab_size
        self.learning_rate, self.batch_size, self.seed = learning_rate, batch_size, seed

    def fit(
        self,
        data: Any,
        *,
        question: Any = "question",
        context: Any = "context",
        answer: Any = "answer",
        start: Any = "start",
        **how: Any,
    ) -> Self:
        """Learns from a DataFrame, or from SQuAD's JSON (1.1 or 2.0).

        Args:
            data: the DataFrame; or the JSON, as a path or a dict.
            question, context: names of the columns.
            answer: name of the column of answers: texts; or, as in SQuAD, lists of dicts of `text`
                and `answer_start`, or a dict of lists. "", None and an empty list mean no answer. A
                column "answers" is also recognised.
            start: name of the column with the position of their first character in the context, if
                there is one; otherwise the first occurrence of the text is used.
            **how: `validation`, `epochs` and further arguments of `Task.learn`. All questions to
                one context stay on one side of a split, and a number as `validation` counts
                contexts.
        """
        frame, _ = question_table(data, question, context, answer, start)
        if hasattr(how.get("validation"), "columns"):
            how["validation"], _ = question_table(
                how["validation"], question, context, answer, start
            )
        self.learn(frame, list(frame.columns), **how)
        self.model_ = self.model_.model  # as it was before it was trained by its spans
        return self

    def objective(self, given: Given, output: str | None) -> Answers:
        if output is None:
            raise ValueError("a model that answers questions needs a head 'span': see tt.Bert.")
        check_ints(1, max_answer_length=self.max_answer_length)
        aligned = self.align_to_words
        require(isinstance(aligned, bool), "align_to_words", aligned, "True or False")
        return Answers(self.learning_stride(given))

    def make_model(self) -> Any:
        return SpanModel(super().make_model(), self.head)

    def graph(
        self,
        max_length: int | None = None,
        top_k: int = 1,
        max_answer_length: int | None = None,
        align_to_words: bool | None = None,
        handle_impossible_answer: bool | None = None,
    ) -> AnswerGraph:
        objective = self.fitted().objective
        may_be_none = _first(
            handle_impossible_answer, self.handle_impossible_answer, objective.unanswered_ > 0
        )
        return AnswerGraph(
            top_k=top_k,
            max_answer_length=_first(max_answer_length, self.max_answer_length),
            align_to_words=_first(align_to_words, self.align_to_words),
            may_be_none=may_be_none,
            threshold=self.threshold_,
            **self.row(max_length),
        )

    def row(self, max_length: int | None = None) -> dict[str, Any]:
        # The objective is that of a `SpanModel`; what answers is the model in it.
        output = self.head if isinstance(self.model_, HeadedModel) else None
        return {**super().row(max_length), "output": output}

    def __call__(  # type: ignore[override] # of two texts, which have names
        self, question: Any, context: Any = None, **options: Any
    ) -> Any:
        """Answers.

        Args:
            question: a question, with its `context`; or a tuple of both; or several tuples in any
                container, or a DataFrame with both columns.
            context: the context, where there is one question.
            **options: those of `answers`.

        Returns:
            as in `Task`.
        """
        if context is not None and not (isinstance(question, str) and isinstance(context, str)):
            raise TypeError(
                "answer(question, context) takes two strings. Several questions go in tuples: "
                "answer([(question, context), …]), or answer(list(zip(questions, contexts)))."
            )
        return super().__call__(question if context is None else (question, context), **options)

    def answers(
        self,
        columns: Sequence[list[str]],
        top_k: int | None = None,
        max_answer_length: int | None = None,
        align_to_words: bool | None = None,
        handle_impossible_answer: bool | None = None,
    ) -> list[Any]:
        """Returns `answer`, `score`, `start`, `end`, `no_answer_score` and logits for each
        question.

        Args:
            columns: questions and contexts.
            top_k: number of answers to return in a list, best first; None: only the best one, not
                in a list.
            max_answer_length: most pieces of an answer, in place of the setting.
            align_to_words: whether answers are widened to whole words, in place of the setting.
            handle_impossible_answer: whether "" is an answer, in place of the setting.

        Raises:
            ValueError: a question leaves no room for its context, or a context is empty.
        """
        check_ints(1, or_none=True, top_k=top_k, max_answer_length=max_answer_length)
        for row, context in enumerate(columns[1]):
            if not context.strip():
                raise ValueError(f"the context of question {row} is empty.")
        self.warn_of_nothing(columns[:1], "questions")
        found = self.compute(
            columns,
            as_answers,
            top_k=top_k or 1,
            max_answer_length=max_answer_length,
            align_to_words=align_to_words,
            handle_impossible_answer=handle_impossible_answer,
        )
        return [row[0] for row in found] if top_k is None else found

    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """Exact match and F1 as in SQuAD, with those of a `sliding_window` as a baseline."""
        frame, true, columns = self._asked(data)
        found = [each["answer"] for each in self.answers(columns)]
        version = 1 if all(true) else 2
        scores = squad_scores(true, found, version=version)
        result: dict[str, Any] = {"rows": len(frame), "f1": scores["f1"], "exact": scores["exact"]}
        result |= {k: v for k, v in scores.items() if k in ("with_answer", "without_answer")}
        if baselines:
            other = squad_scores(true, sliding_window(columns[0], columns[1]), version=version)
            result["sliding_window"] = {"f1": other["f1"], "exact": other["exact"]}
        return result

    def tune(self, data: Any) -> float:
        """Sets `threshold_` for the best F1 on questions, some of which have no answer.

        Returns:
            It.

        Raises:
            ValueError: if all questions have an answer.
        """
        _, true, columns = self._asked(data)
        if all(true):
            raise ValueError(
                "all of these questions have an answer: what tells that there is none is tuned on "
                "questions some of which have none, an empty answer."
            )
        found = self.answers(columns, handle_impossible_answer=False)
        margins = [each["no_answer_logit"] - each["logit"] for each in found]
        answers = [each["answer"] for each in found]
        scores = squad_scores(true, answers, version=2, no_answer=margins)
        threshold = scores["best_f1_threshold"]
        above = [margin for margin in margins if margin > threshold]
        if threshold in margins and above:  # where nothing lies, the middle is safest
            threshold = (threshold + min(above)) / 2
        self.threshold_ = float(threshold)
        self._made = ([], {})  # graphs have the old one
        return self.threshold_

    def folder_parts(self) -> FolderParts:
        said = super().folder_parts()
        learnt = {**said.learnt, "labels": None, "threshold": self.threshold_}
        # By which side is padded that library tells whether the question stands first.
        side = "left" if self.graph().context_first else "right"
        return replace(said, rows={**said.rows, "padding_side": side}, learnt=learnt)

    def _asked(self, data: Any) -> tuple[Any, list[list[str]], list[list[str]]]:
        """A table with all right answers, and its questions and contexts."""
        question, context, answer = self.fitted().columns
        frame, true = question_table(data, question, context, answer, "start")
        return frame, true, self.columns(frame)


def _first(*values: Any) -> Any:
    """The first one that is not None."""
    return next(value for value in values if value is not None)
