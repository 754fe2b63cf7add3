"""TreeTask: the base of all parsers."""

from collections.abc import Callable, Sequence
from typing import Any, Self

from tftransformer.scores.trees import Tree
from tftransformer.tasks.pretrained_folder import FolderParts
from tftransformer.tasks.tables import with_words_joined
from tftransformer.tasks.task import Task
from tftransformer.tasks.tree_scores import right_branching, tree_scores
from tftransformer.tasks.treebank import SENTENCE, TREES, as_sentence, trees_table


class TreeTask(Task):
    """Base of the parsers: learns from bracketed trees, answers sentences with such trees.

    A subclass defines what is learnt from a tree (`target`) and how trees are found (`answers`, a
    dict with a `tree` for each sentence).

    Attributes:
        target: from a `plain_tree` to what is learnt of it.
        finds_tags: whether words of the trees that are found have tags of their own.
    """

    target: Callable[[Tree], Any]
    finds_tags = True
    said = "tree"
    named = (SENTENCE, "tree")

    def fit(self, data: Any, *, tree: Any = "tree", **how: Any) -> Self:
        """Learns from trees as a treebank writes them.

        Traces, functions behind labels (NP-SBJ) and an outermost bracket without a label are left
        out; words are read as they stood in the text (-LRB- is a bracket). See `plain_tree`.

        Args:
            data: a DataFrame, or trees in brackets in any container.
            tree: name of the column of trees.
            **how: `validation`, `epochs` and further arguments of `Task.learn`.
        """
        target = type(self).target
        if hasattr(how.get("validation"), "columns"):
            how["validation"] = trees_table(how["validation"], tree, target)
        return self.learn(trees_table(data, tree, target), [SENTENCE, tree], **how)

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
        return super().columns(with_words_joined(texts, self.text_columns(), as_sentence))

    def folder_parts(self) -> FolderParts:
        raise ValueError("config.json cannot express trees.")

    def evaluate(
        self, data: Any, labels: Any = None, *, baselines: bool = True, **options: Any
    ) -> dict[str, Any]:
        """Parses the words of trees and compares; see `tree_scores`.

        Args:
            data: a DataFrame with the column of trees that was fitted, or the trees; or sentences.
            labels: the trees, where `data` is sentences.
            baselines: whether, after `fit`, to score beside it what counting says: trees that
                branch to the right, with the most frequent labels (`right_branching`).
            **options: those of `answers`.
        """
        column = self.fitted().columns[-1]
        truth = trees_table(data if labels is None else labels, column, str)[TREES].dropna()
        sentences = [" ".join(tree.words) for tree in truth]
        found = [answer["tree"] for answer in self.answers([sentences], **options)]
        scores: dict[str, Any] = {"rows": len(truth), **tree_scores(truth, found)}
        if not self.finds_tags:
            del scores["tag_accuracy"]
        learnt = getattr(self, "trained_on_", None)
        if baselines and learnt is not None:
            counted = right_branching(learnt[TREES].dropna(), [tree.words for tree in truth])
            scores["right_branching"] = tree_scores(truth, counted)
        return scores


def answers_of(trees: Sequence[str], scores: Sequence[float]) -> list[dict[str, Any]]:
    """Answers of a parser: the trees, with their scores."""
    return [{"tree": tree, "score": score} for tree, score in zip(trees, scores, strict=True)]
