"""Parser."""

import types
from collections.abc import Sequence
from typing import Any, Literal

from tftransformer.objectives import WordLabels
from tftransformer.positions import BucketedBias
from tftransformer.tasks.given import Given
from tftransformer.tasks.label_tree_graph import LabelTreeGraph
from tftransformer.tasks.tree_task import TreeTask, answers_of
from tftransformer.tasks.treebank import word_labels
from tftransformer.tasks.word_task import WordTask


class Parser(TreeTask, WordTask):
    """Parses sentences into constituents: learns from bracketed trees, answers with such trees.

    A sentence is a list of words, or a string with words separated by white space, tokenized like
    the training trees: `"He did n't go ."`. The answer is always a tree over exactly these words.
    Brackets in words are written -LRB- and -RRB-. An empty sentence has the tree "".

    Args:
        model: the model to use or to train further: a folder, or a model with its `tokenizer`; see
            `TextClassifier`. None, or a dict of sizes: a small one, trained from scratch.
        tokenizer: tokenizer of that model, or one to learn, as in `DataProcess`. None: learns
            WordPiece.
        judge_by: what the best epoch is chosen by: "loss" or "accuracy" of the words.
        max_length: largest number of tokens in a window; default: the limit of the model, or 128
            from scratch.
        stride: number of pieces that neighbouring windows share; "auto": 32, or a quarter of a
            window if that is less. None: no windows, and a sentence that is too long is an error.
        vocab_size: largest size of the vocabulary, if a tokenizer is learnt.
        learning_rate: peak of the learning rate; default 0.001 from scratch, else 0.0001.
        batch_size: number of sentences, and of windows, computed at once.
        seed: seed of the weights, the order of rows and dropout.

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
    target = staticmethod(word_labels)

    def __init__(
        self,
        model: Any = None,
        *,
        tokenizer: Any = None,
        judge_by: str = "accuracy",
        max_length: int | None = None,
        stride: int | Literal["auto"] | None = "auto",
        vocab_size: int = 8000,
        learning_rate: float | None = None,
        batch_size: int = 64,
        seed: int = 0,
    ):
        self.model, self.tokenizer, self.judge_by = model, tokenizer, judge_by
        self.max_length, self.stride, self.vocab_size = max_length, stride, vocab_size
        self.learning_rate, self.batch_size, self.seed = learning_rate, batch_size, seed

    def objective(self, given: Given, output: str | None) -> WordLabels:
        return WordLabels(
            stride=self.learning_stride(given),
            known=given.labels(self.head) or () if given.parts is not None else (),
            spelling=self.spelling(),
            output=output,
            judge_by=self.judge_by,
        )

    def told(self) -> dict[str, Any]:
        told, asked = super().told(), self.model or {}
        is_own = asked.get("family", self.sizes["family"]) == self.sizes["family"]
        if is_own and asked.get("neighbours") is None:  # a window of words has no distances
            # What stands near counts, wherever in the sentence it is.
            told["position_bias"] = BucketedBias(asked.get("num_heads", 4), 32, 64)
        return told

    def graph(self, max_length: int | None = None) -> LabelTreeGraph:
        """Returns the graph from sentences to trees; `max_length` replaces the setting."""
        return LabelTreeGraph(classes=self.fitted().objective.kinds_, **self.row(max_length))

    def answers(self, columns: Sequence[list[str]]) -> list[dict[str, Any]]:
        """The tree of each sentence.

        Returns:
            for each `tree`, in brackets, and `score`, the geometric mean of the probabilities of
            its labels; 0 for an empty sentence.
        """
        return self.compute(columns, _as_answers)


def _as_answers(found: dict[str, Any]) -> list[dict[str, Any]]:
    return answers_of([tree.decode() for tree in found["tree"]], found["score"].tolist())
