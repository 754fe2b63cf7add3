"""Trees as a treebank writes them: read, and as labels of their words."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tftransformer.data.columns import check_columns, check_rows
from tftransformer.scores.trees import TOP, Tree, bare_label
from tftransformer.tasks.tables import rows_of
from tftransformer.text import GivenWords

TRACE = "-NONE-"
# How a treebank spells signs in words.
SPELLED = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
# Columns of tables to learn from, beside that of the targets.
SENTENCE, TREES = "sentence", "trees as read"


class WordLabel(NamedTuple):
    """What a word says of its tree (Gómez-Rodríguez and Vilares 2018).

    The first three are about the gap behind the word, and None for the last word, which has none.
    Labels over the same words are one, with blanks between, outer ones first: "S VP".

    Attributes:
        level: how many more constituents the word shares with the next one than it did with the
            word before.
        depth: how many they share.
        label: label of the smallest constituent that they share.
        chain: labels of the constituents that hold only this word; "" where there is none.
        tag: its part of speech.
    """

    level: int | None
    depth: int | None
    label: str | None
    chain: str
    tag: str


def plain_tree(tree: Tree | str) -> Tree:
    """A tree as a parser learns it.

    Traces (words with the tag -NONE-) are gone, with all brackets that held nothing else. So is an
    outermost bracket without a label around one tree. What follows a - or = in a label (functions,
    numbers of traces) is cut off. Words are as they stood in the text: -LRB- is (, -RRB- is ) and
    so on, and a backslash before / or * is gone.

    Raises:
        ValueError: if brackets do not match, or no word is left.

    Example:

    >>> print(plain_tree("( (S (NP-SBJ (-NONE- *)) (VP (VB Go) (ADVP-CLR (RB 1\\\\/2)))))"))
    (S (VP (VB Go) (ADVP (RB 1/2))))
    """
    if not isinstance(tree, Tree):
        tree = Tree.read(tree)
    opened: list[list[Any]] = [[]]
    for part, closes in tree.walk():
        label = bare_label(part.label)
        if not closes:
            opened.append([])
            continue
        children = opened.pop()
        if part.is_word and label != TRACE:
            children = [_unspelled(str(part.children[0]))]
        if children:
            opened[-1].append(Tree(label, tuple(children)))
    if not opened[0]:
        raise ValueError(f"a tree holds no word but traces: {tree}.")
    found: Tree = opened[0][0]
    first = found.children[0]
    if found.label == TOP and len(found.children) == 1 and isinstance(first, Tree):
        return first
    return found


def _unspelled(word: str) -> str:
    word = SPELLED.get(word, word)
    return word.replace("\\/", "/").replace("\\*", "*")


def spelled(tree: Tree) -> str:
    """A tree in brackets, whose words may have brackets themselves, which become -LRB- and -RRB-.

    >>> spelled(plain_tree("(NP (-LRB- -LRB-) (NN a))"))
    '(NP (-LRB- -LRB-) (NN a))'
    """
    return " ".join(
        "".join(_opening(label) for label in opens)
        + f"({tag} {word.replace('(', '-LRB-').replace(')', '-RRB-')})"
        + ")" * closes
        for opens, tag, word, closes in _by_word(tree)
    )


def _opening(label: str) -> str:
    return f"({label} "


def _by_word(tree: Tree) -> Iterator[tuple[list[str], str, str, int]]:
    """For each word the brackets that open before it, its tag, itself, and how many close."""
    words, tags = tree.words, tree.tags
    opens: list[list[str]] = [[] for _ in words]
    closes = [0] * len(words)
    for label, start, end in tree.spans:
        opens[start].append(label)
        closes[end - 1] += 1
    return zip(opens, tags, words, closes, strict=True)


def word_labels(tree: Tree) -> list[WordLabel]:
    """What the words of a tree say of it, one after the other.

    >>> for label in word_labels(Tree.read("(S (NP (DT a) (NN b)) (VP (VB c)))")):
    ...     print(*label)
    2 2 NP  DT
    -1 1 S  NN
    None None None VP VB
    """
    tags = tree.tags
    chains, labels, depths = [""] * len(tags), [""] * len(tags), [0] * len(tags)
    ends: list[int] = []
    for (start, end), same in itertools.groupby(tree.spans, key=lambda span: span[1:]):
        label = " ".join(name for name, *_ in same)
        if end - start == 1:
            chains[start] = label
            continue
        while ends and ends[-1] <= start:
            ends.pop()
        ends.append(end)
        for gap in range(start, end - 1):  # smaller ones come later
            labels[gap], depths[gap] = label, len(ends)
    found = []
    before = 0
    for gap, (label, depth, chain, tag) in enumerate(
        zip(labels, depths, chains, tags, strict=True), start=1
    ):
        if gap == len(tags):
            found.append(WordLabel(None, None, None, chain, tag))
        else:
            found.append(WordLabel(depth - before, depth, label, chain, tag))
        before = depth
    return found


def trees_table(data: Any, column: Any, target: Callable[[Tree], Any]) -> Any:
    """Returns a DataFrame to learn from, with the index of a table if there is one.

    Its columns are `SENTENCE`, the words with a blank between two; the given one, the targets; and
    `TREES`, the `plain_tree`s.

    Args:
        data: a DataFrame with the column, or trees, in brackets or read, in any container. None or
            NaN is a missing one.
        column: its name.
        target: what is learnt of a tree.

    Raises:
        ValueError: if the column is not there, there is no row, or a tree is malformed; it names
            the row.
    """
    import pandas as pd

    if column in (SENTENCE, TREES):
        raise ValueError(f"the column of trees cannot be called {column!r}: rename it.")
    if hasattr(data, "columns"):
        check_columns(data, [column], "Name it where you call fit.")
        data = data[column]
    rows = rows_of(data)
    check_rows(rows)
    trees = [_read(row, number) for number, row in enumerate(rows)]
    columns = {
        SENTENCE: [tree and GivenWords.join(tree.words) for tree in trees],
        column: [tree and target(tree) for tree in trees],
        TREES: trees,
    }
    index = data.index if hasattr(data, "iloc") else range(len(rows))
    return pd.DataFrame({name: pd.Series(x, index, dtype=object) for name, x in columns.items()})


def _read(row: Any, number: int) -> Tree | None:
    if row is None or row != row or str(row) == "<NA>":  # NaN
        return None
    if not isinstance(row, str | Tree):
        raise ValueError(f"row {number}: {row!r} is no tree: expected a string in brackets.")
    try:
        return plain_tree(row)
    except ValueError as error:
        raise ValueError(f"row {number}: {error}") from error


def as_sentence(row: Any) -> Any:
    """The sentence of a list of words; anything else as it is.

    Raises:
        ValueError: if a word is no string, is empty or has white space inside.
    """
    if not isinstance(row, list | tuple):
        return row
    for word in row:
        if not isinstance(word, str) or word.split() != [word]:
            raise ValueError(f"word {word!r} of {row!r} is no word: it is empty or has blanks.")
    return " ".join(row)
