"""What found trees are worth, and what counting makes of the same sentences."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from tftransformer.scores import bracket_scores
from tftransformer.scores.brackets import DELETED
from tftransformer.scores.trees import Tree, bare_label
from tftransformer.tasks.treebank import spelled


def tree_scores(truth: Sequence[Tree], found: Sequence[str]) -> dict[str, float]:
    """Scores of trees in brackets, 0 to 100, as EVALB has them: see `bracket_scores`.

    Which words are punctuation, and so do not count, the true tags alone decide.

    Returns:
        `f1`, `precision` and `recall` of labelled brackets; `exact_match`, the share of trees that
        have all of them right; `tag_accuracy`, of words that are no punctuation; `f1_up_to_40`, of
        sentences of up to 40 words; and `errors`, the number of sentences that are left out since
        the tree found has other words, or there is none.
    """
    true = [Tree.read(spelled(tree)) for tree in truth]
    read = [Tree.read(text) if text else None for text in found]
    same = [
        other if other is not None and other.words == one.words else None
        for one, other in zip(true, read, strict=True)
    ]
    scores = bracket_scores(
        true, [other and with_tags(other, one.tags) for one, other in zip(true, same, strict=True)]
    )
    right = [
        tag == bare_label(other_tag)
        for one, other in zip(true, same, strict=True)
        if other is not None
        for tag, other_tag in zip(map(bare_label, one.tags), other.tags, strict=True)
        if tag not in DELETED
    ]
    every = scores["all"]
    return {
        **{name: every[name] for name in ("f1", "precision", "recall")},
        "exact_match": every["complete"],
        "tag_accuracy": 100 * sum(right) / max(1, len(right)),
        "f1_up_to_40": scores["up_to_40"]["f1"],
        "errors": scores["errors"],
    }


def with_tags(tree: Tree, tags: Sequence[str]) -> Tree:
    """A tree whose words have other tags.

    >>> print(with_tags(Tree.read("(S (NP (DT a) (NN b)))"), ["X", "Y"]))
    (S (NP (X a) (Y b)))
    """
    opened: list[list[Tree]] = [[]]
    left = iter(tags)
    for part, closes in tree.walk():
        if not closes:
            opened.append([])
            continue
        children: tuple = tuple(opened.pop())
        label = next(left) if part.is_word else part.label
        opened[-1].append(Tree(label, part.children if part.is_word else children))
    return opened[0][0]


def right_branching(learnt: Sequence[Tree], sentences: Sequence[Sequence[str]]) -> list[str]:
    """Trees in which every constituent is a word and the rest, by counting alone.

    A word has the tag that it has most often; the outermost constituent the label that outermost
    ones have most often, others that of others. What is tagged as the last words of trees are most
    often, such as a full stop, stands apart at the end.
    """
    tags: dict[str, Counter] = defaultdict(Counter)
    outer: Counter = Counter()
    inner: Counter = Counter()
    ends: Counter = Counter()
    for tree in learnt:
        for word, tag in zip(tree.words, tree.tags, strict=True):
            tags[word][tag] += 1
        labels = [label for label, start, end in tree.spans if end - start > 1]
        outer.update(labels[:1])
        inner.update(labels[1:])
        ends[tree.tags[-1]] += 1
    best = {word: counts.most_common(1)[0][0] for word, counts in tags.items()}
    (common, _), *_ = sum(tags.values(), Counter()).most_common(1)
    fallback = inner or Counter({common: 1})
    top, below = ((counts or fallback).most_common(1)[0][0] for counts in (outer, inner))
    end = ends.most_common(1)[0][0]
    return [
        _branching([(best.get(word, common), word) for word in words], top, below, end)
        for words in sentences
    ]


def _branching(leaves: Sequence[tuple[str, str]], top: str, below: str, end: str) -> str:
    trees = [Tree(tag, (word,)) for tag, word in leaves]
    if not trees:
        return ""
    last = [trees.pop()] if len(trees) > 1 and trees[-1].label == end else []
    rest = trees.pop()
    while trees:
        word = trees.pop()
        rest = Tree(below if trees else top, (word, rest, *(() if trees else last)))
    if rest.is_word and last:
        rest = Tree(top, (rest, *last))
    return spelled(rest)
