"""How good the trees of a parser are."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from tftransformer.scores.ratios import matching_rows, of_counts, ratio
from tftransformer.scores.trees import Tree, bare_label

# What COLLINS.prm leaves out: these brackets, and words with these tags.
DELETED = {"TOP", "-NONE-", ",", ":", "``", "''", "."}
SAME = {"PRT": "ADVP"}


class Sentence(NamedTuple):
    """What of a tree is compared.

    Attributes:
        words: those that count.
        tags: theirs.
        brackets: label, start and end of each, counted in such words.
        length: number of words, with punctuation and without traces.
    """

    words: list[str]
    tags: list[str]
    brackets: list[tuple[str, int, int]]
    length: int


def bracket_scores(
    true: Sequence[Tree | str], predicted: Sequence[Tree | str | None]
) -> dict[str, Any]:
    """Scores trees by the brackets that they share, as EVALB does with COLLINS.prm.

    (Black et al. 1991; Collins 1997.) Brackets are compared by label and words, as a multiset.
    Left out are the brackets TOP and -NONE-, words with the tags of punctuation and traces, and
    brackets with nothing else inside; PRT is ADVP; what follows a - or = in a label does not count.

    Args:
        true: a tree for each sentence, or its brackets.
        predicted: the parser's, as many; None or "" where it found none.

    Returns:
        dict of `all` and `up_to_40` (sentences of up to 40 words, punctuation included, traces
        not), each with `precision`, `recall`, `f1`, `complete` (share of trees without a fault),
        `no_crossing`, `tag_accuracy` (0 to 100), `crossing` (found brackets of a sentence, on
        average, that overlap a true one without one of them lying in the other) and `sentences`;
        `errors`, the number of sentences that are left out since the parser found no tree or one of
        other words; `each`, for every sentence None or its counts `matched`, `gold`, `test`,
        `crossing`, `words`, `length`, `right_tags`. 0 if there is nothing to divide by.

    Raises:
        ValueError: if the sides differ in length, nothing is to be scored, or a tree is
            malformed; says which and where.

    Example:
        >>> true = ["(S (NP (DT The) (NN cat)) (VP (VBD sat)) (. .))"]
        >>> scores = bracket_scores(true, ["(S (NP (DT The)) (VP (NN cat) (VBD sat)) (. .))"])
        >>> round(scores["all"]["f1"], 2), scores["all"]["crossing"]
        (33.33, 1.0)
    """
    true, predicted = matching_rows(true, predicted, "trees")
    each = [
        _counts(_sentence(one, f"true[{row}]"), _sentence(other, f"predicted[{row}]"))
        for row, (one, other) in enumerate(zip(true, predicted, strict=True))
    ]
    scored = [counts for counts in each if counts is not None]
    return {
        "all": _totals(scored),
        "up_to_40": _totals([counts for counts in scored if counts["length"] <= 40]),
        "errors": len(each) - len(scored),
        "each": each,
    }


def _sentence(tree: Tree | str | None, place: str) -> Sentence:
    if tree is None or tree == "":
        return Sentence([], [], [], 0)
    if not isinstance(tree, Tree):
        try:
            tree = Tree.read(tree)
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from error
    words: list[str] = []
    tags: list[str] = []
    brackets: list[tuple[str, int, int]] = []
    opened: list[int] = []
    length = 0
    for part, closes in tree.walk():
        label = bare_label(part.label)
        if not closes:
            opened.append(len(words))
            continue
        start = opened.pop()
        if part.is_word:
            length += label != "-NONE-"
            if label not in DELETED:
                words.append(str(part.children[0]))
                tags.append(label)
        elif label not in DELETED and start < len(words):
            brackets.append((SAME.get(label, label), start, len(words)))
    return Sentence(words, tags, brackets, length)


def _counts(true: Sentence, found: Sentence) -> dict[str, int] | None:
    if true.words != found.words:
        return None
    spans = {span[1:] for span in true.brackets}
    return {
        "matched": (Counter(true.brackets) & Counter(found.brackets)).total(),
        "gold": len(true.brackets),
        "test": len(found.brackets),
        "crossing": sum(
            any(start < first < end < last or first < start < last < end for first, last in spans)
            for _, start, end in found.brackets
        ),
        "words": len(true.words),
        "length": true.length,
        "right_tags": sum(a == b for a, b in zip(true.tags, found.tags, strict=True)),
    }


def _totals(each: Sequence[dict[str, int]]) -> dict[str, float]:
    matched, test, gold, crossing, words, right = (
        sum(counts[key] for counts in each)
        for key in ("matched", "test", "gold", "crossing", "words", "right_tags")
    )
    complete = sum(counts["matched"] == counts["gold"] == counts["test"] for counts in each)
    clean = sum(not counts["crossing"] for counts in each)
    return {
        **of_counts(matched, test, gold, scale=100),
        "complete": 100 * ratio(complete, len(each)),
        "crossing": ratio(crossing, len(each)),
        "no_crossing": 100 * ratio(clean, len(each)),
        "tag_accuracy": 100 * ratio(right, words),
        "sentences": len(each),
    }
