"""Parser."""

import types
from collections.abc import Sequence
from typing import Any, Self

from tftransformer.objectives import WordLabels
from tftransformer.positions import BucketedBias
from tftransformer.tasks.given import Given
from tftransformer.tasks.label_tree_graph import LabelTreeGraph
from tftransformer.tasks.tables import with_index
from tftransformer.tasks.tree_scores import right_branching, tree_scores
from tftransformer.tasks.treebank import (
    SENTENCE,
    TREES,
    as_sentence,
    trees_table,
    word_labels,
)
from tftransformer.tasks.word_task import WordTask


class Parser(WordTask):
    """Finds the constituents of sentences: learns from trees in brackets, answers with such trees.

    A sentence is a string whose words white space parts, cut as those of the trees it learnt from:
    `"He did n't go ."`; or a list of words. The answer is one tree over just these words, whatever
    the model says. Brackets in words are written -LRB- and -RRB-. No words have the tree "".

    Args:
        model: what answers, or is trained further: a folder, or a model with
            its `tokenizer`; see `TextClassifier`. None, or sizes: a small one, from scratch.
        tokenizer: of that model; or as in `DataProcess`, to be learnt. None: WordPiece.
        judge_by: "loss" or "accuracy" of the words, by which the best epoch is chosen.
        max_length: most tokens of a window; default: what the model knows, from scratch 128.
        stride: pieces that neighbouring windows share. None: there are no windows, and a sentence
            that is too long raises an error.
        vocab_size: of a tokenizer that is learnt, at most.
        learning_rate: highest one; default 0.001 from scratch, else 0.0001.
        batch_size: sentences, and windows, answered at once.
        seed: of weights, order and dropout.

    Example:

    >>> trees = ["(S (NP (DT the) (NN dog)) (VP (VBZ barks)))", "(S (NP (PRP we)) (VP (VBP go)))"]
    >>> parse = Parser(vocab_size=60).fit(trees * 9, epochs=1, validation=0, verbose=0)
    >>> parse("the dog barks")
    {'tree': '(...', 'score': ...}
    """

    task = "parser"
    sizes = types.MappingProxyType(
        {"family": "SentenceModel", "num_layers": 3, "d_model": 192, "dff": 384}
        | {"dropout": 0.25, "token_dropout": 0.1}
    )
    named = (SENTENCE, "tree")

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        judge_by: str = "accuracy",
        max_length: int | None = None,
        stride: int | None = 32,
        vocab_size: int = 8000,
        learning_rate: float | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.judge_by = model, tokenizer, judge_by
        self.max_length, self.stride, self.vocab_size = max_length, stride, vocab_size
        self.learning_rate, self.batch_size, self.seed = learning_rate, batch_size, seed

    def fit(self, data: Any, *, tree: Any = "tree", **how: Any) -> Self:
        """Learns from trees as a treebank writes them.

        Traces, functions behind labels (NP-SBJ) and an outermost bracket without a label are left
        out; words are read as they stood in the text (-LRB- is a bracket). See `plain_tree`.

        Args:
            data: a DataFrame, or trees in brackets in any container.
            tree: name of the column of trees.
            **how: `validation`, `epochs` and what else `Task.learn` takes.
        """
        if hasattr(how.get("validation"), "columns"):
            how["validation"] = trees_table(how["validation"], tree, word_labels)
        return self.learn(trees_table(data, tree, word_labels), [SENTENCE, tree], **how)

    def objective(self, given: Given, output: str | None) -> WordLabels:
        return WordLabels(
            stride=self.stride or 0,
            known=given.labels(self.head) or () if given.parts is not None else (),
            spelling=self.spelling(),
            output=output,
            judge_by=self.judge_by,
        )

    def told(self) -> dict[str, Any]:
        told, asked = super().told(), self.model or {}
        if asked.get("family", self.sizes["family"]) == self.sizes["family"]:
            # What stands near counts, wherever in the sentence it is.
            told["position_bias"] = BucketedBias(asked.get("num_heads", 4), 32, 64)
        return told

    def graph(self, max_length: int | None = None) -> LabelTreeGraph:
        """Returns what is computed from sentences to trees; `max_length` is that of the setting."""
        objective = self.fitted().objective
        return LabelTreeGraph(
            classes=objective.kinds_,
            output=objective.output,
            stride=self.stride,
            **self.row(max_length),
        )

    def table_columns(self) -> list[Any]:
        """The column of trees alone: sentences are made of them."""
        return list(self.fitted().columns[1:])

    def columns(self, texts: Any) -> list[list[str]]:
        """The sentences, made of words where rows are lists of them.

        Of a DataFrame that has trees and no sentences, they are those of the trees.
        """
        tree = self.fitted().columns[-1]
        if hasattr(texts, "columns") and SENTENCE not in texts.columns and tree in texts.columns:
            texts = trees_table(texts, tree, str)
        elif hasattr(texts, "iloc"):
            texts = texts.map(as_sentence)
        elif isinstance(texts, list | tuple):
            texts = [as_sentence(row) for row in texts]
        return super().columns(texts)

    def answers(self, columns: Sequence[list[str]]) -> list[dict[str, Any]]:
        """The tree of each sentence.

        Returns:
            for each `tree`, in brackets, and `score`, the geometric mean of the probabilities of
            its labels; 0 where there is no word.
        """
        return self.compute(columns, _as_answers)

    def predict(self, texts: Any) -> Any:
        """The trees alone: a list, or of a Series or DataFrame a Series with its index."""
        return with_index([found["tree"] for found in self.answers(self.columns(texts))], texts)

    def evaluate(self, data: Any, labels: Any = None, *, baselines: bool = True) -> dict[str, Any]:
        """Parses the words of trees and compares; see `tree_scores`.

        Args:
            data: a DataFrame with the column of trees that was fitted, or the trees; or sentences.
            labels: the trees, where `data` is sentences.
            baselines: whether, after `fit`, to score beside it what counting says: trees that
                branch to the right, with the most frequent labels (`right_branching`).
        """
        column = self.fitted().columns[-1]
        truth = trees_table(data if labels is None else labels, column, str)[TREES].dropna()
        found = [answer["tree"] for answer in self.answers([[" ".join(t.words) for t in truth]])]
        scores: dict[str, Any] = {"rows": len(truth), **tree_scores(truth, found)}
        learnt = getattr(self, "trained_on_", None)
        if baselines and learnt is not None:
            counted = right_branching(learnt[TREES].dropna(), [tree.words for tree in truth])
            scores["right_branching"] = tree_scores(truth, counted)
        return scores


def _as_answers(found: dict[str, Any]) -> list[dict[str, Any]]:
    pairs = zip(found["tree"].tolist(), found["score"].tolist(), strict=True)
    return [{"tree": tree.decode(), "score": score} for tree, score in pairs]
