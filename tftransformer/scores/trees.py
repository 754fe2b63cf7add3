"""Bracketed trees: reading, writing, and their contents."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

# What an outermost bracket without a label is called, as in the Penn Treebank's own files.
TOP = "TOP"


@dataclass(frozen=True)
class Tree:
    """A constituent of a sentence: (NP (DT the) (NN cat)).

    Attributes:
        label: its label; for a single word the tag (part of speech).
        children: smaller trees, or exactly one string, the word.

    Example:
        >>> tree = Tree.read("(S (NP (DT The) (NN cat)) (VP (VBD sat)))")
        >>> tree.words, tree.tags
        (['The', 'cat', 'sat'], ['DT', 'NN', 'VBD'])
        >>> tree.spans
        [('S', 0, 3), ('NP', 0, 2), ('VP', 2, 3)]
        >>> print(tree.children[1])
        (VP (VBD sat))
    """

    label: str
    children: tuple[Union["Tree", str], ...]

    @classmethod
    def read(cls, text: str) -> "Tree":
        """Reads one tree (Marcus et al. 1993); an outermost bracket without a label is "TOP".

        Raises:
            ValueError: if the text is anything but one tree; says at which character.
        """
        trees = read_trees(text)
        if len(trees) != 1:
            raise ValueError(f"{len(trees)} trees in {_shown(text)}: expected one.")
        return trees[0]

    @property
    def is_word(self) -> bool:
        """Whether it is a word with its tag."""
        return len(self.children) == 1 and isinstance(self.children[0], str)

    @property
    def words(self) -> list[str]:
        """The words, from left to right."""
        return [str(tree.children[0]) for tree, closes in self.walk() if tree.is_word and closes]

    @property
    def tags(self) -> list[str]:
        """The tags of the words."""
        return [tree.label for tree, closes in self.walk() if tree.is_word and closes]

    @property
    def spans(self) -> list[tuple[str, int, int]]:
        """(label, first word, word behind the last) of all constituents but words, outer first."""
        found: list[tuple[str, int, int]] = []
        opened: list[int] = []
        position = 0
        for tree, closes in self.walk():
            if tree.is_word:
                position += closes
            elif closes:
                place = opened.pop()
                found[place] = (*found[place][:2], position)
            else:
                opened.append(len(found))
                found.append((tree.label, position, position))
        return found

    def walk(self) -> Iterator[tuple["Tree", bool]]:
        """All trees in it, each twice: where it opens (False) and where it closes (True)."""
        waiting: list[tuple[Tree, bool]] = [(self, False)]
        while waiting:
            tree, closes = waiting.pop()
            yield tree, closes
            if not closes:
                waiting.append((tree, True))
                trees = [child for child in tree.children if isinstance(child, Tree)]
                waiting += [(child, False) for child in reversed(trees)]

    def __str__(self) -> str:
        parts: list[str] = []
        for tree, closes in self.walk():
            if closes:
                parts.append(")")
            else:
                parts.append(f" ({tree.label}")
                parts += [f" {tree.children[0]}"] if tree.is_word else []
        return "".join(parts)[1:]


def bare_label(label: str) -> str:
    """A label without its function; what begins with - or =, such as -NONE-, is whole.

    >>> bare_label("NP-SBJ-1"), bare_label("-LRB-")
    ('NP', '-LRB-')
    """
    for sign in "-=":
        if not label.startswith(("-", "=")):
            label = label.partition(sign)[0]
    return label


def read_trees(text: str) -> list[Tree]:
    """Reads all trees in the text of a file; spaces and line breaks do not matter.

    Raises:
        ValueError: if brackets do not match, a bracket is empty or without a label inside a tree,
            or a word has no tag of its own; says at which character.

    Example:
        >>> [tree.label for tree in read_trees("(NP (NN a))  ((S (VB go)))")]
        ['NP', 'TOP']
    """
    if not isinstance(text, str):
        raise ValueError(f"{text!r} was given; expected a string with trees in brackets.")
    trees: list[Tree] = []
    opened: list[tuple[int, list[Tree | str]]] = []  # where it began; label, if any, and children
    for token in re.finditer(r"[()]|[^\s()]+", text):
        place, sign = token.start(), token.group()
        if sign == "(":
            opened.append((place, []))
        elif not opened:
            raise _error(text, place, f"{sign!r} stands outside of all brackets")
        elif sign == ")":
            start, parts = opened.pop()
            tree = _tree(text, start, parts, outermost=not opened)
            (opened[-1][1] if opened else trees).append(tree)
        else:
            opened[-1][1].append(sign)
    if opened:
        raise _error(text, opened[-1][0], "a bracket is never closed")
    return trees


def _tree(text: str, start: int, parts: list[Tree | str], outermost: bool) -> Tree:
    label = parts.pop(0) if parts and isinstance(parts[0], str) else None
    if not parts:
        raise _error(text, start, "a bracket holds nothing")
    if label is None and not outermost:
        raise _error(text, start, "a bracket has no label, which only the outermost may lack")
    if len(parts) > 1 and any(isinstance(part, str) for part in parts):
        raise _error(text, start, "a word has no tag of its own: expected (TAG word)")
    return Tree(TOP if label is None else str(label), tuple(parts))


def _error(text: str, place: int, what: str) -> ValueError:
    return ValueError(f"At character {place} of {_shown(text)}: {what}.")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:77] + "...")
