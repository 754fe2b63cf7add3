"""The corpus: drawn sentences, divided so that test clauses never occur in training."""

import hashlib
from collections.abc import Iterator
from random import Random

from everyday.sentences import Sentence, sentence

HELD_OUT_ROWS = 500
MINIMUM_SIZE = 5_000
_SHARE = 24  # one clause in 24 belongs to test, another to validation


def drawn_corpus(size: int = 20_000, seed: int = 0) -> dict[str, list[Sentence]]:
    """Draws English–German sentence pairs of everyday life, with held-out compositions.

    The key of a clause is its verb, its subject and its objects, in whatever tense, number, order,
    negation or question. A hash of the key alone gives each clause to training, validation or test.
    A sentence goes to training if all its clauses do, to test if one of them is a test clause and
    none a validation clause, and likewise to validation.

    Args:
        size: training rows, at least 5,000 (fewer do not hold every word).
        seed: of the choice of sentences; the division of clauses is the same for each seed.

    Returns:
        dict of `train`, `validation` and `test` with `size`, 500 and 500 sentences; the same for
        the same arguments everywhere.

    Raises:
        ValueError: if `size` is smaller than 5,000.
    """
    if size < MINIMUM_SIZE:
        raise ValueError(
            f"drawn_corpus(size={size}) is too small to hold every word of the held-out "
            f"sentences: ask for at least {MINIMUM_SIZE} rows."
        )
    rows: dict[str, list[Sentence]] = {"train": [], "validation": [], "test": []}
    stream = _distinct(Random(seed))
    waiting: list[tuple[str, Sentence]] = []
    while len(rows["train"]) < size:
        drawn = next(stream)
        split = split_of(drawn.keys)
        if split == "train":
            rows["train"].append(drawn)
        elif split:
            waiting.append((split, drawn))
    known = {word for row in rows["train"] for word in _words(row)}
    for split, drawn in _then(waiting, stream):
        wanted = split in ("validation", "test") and len(rows[split]) < HELD_OUT_ROWS
        if wanted and known.issuperset(_words(drawn)):
            rows[split].append(drawn)
        if len(rows["validation"]) == len(rows["test"]) == HELD_OUT_ROWS:
            break
    return rows


def split_of(keys: tuple[tuple[str, ...], ...]) -> str | None:
    """The split of a sentence by its clauses; None if validation and test meet in it."""
    held_out = {_split_of_clause(key) for key in keys} - {"train"}
    if len(held_out) > 1:
        return None
    return held_out.pop() if held_out else "train"


def _split_of_clause(key: tuple[str, ...]) -> str:
    digest = hashlib.sha256("\t".join(key).encode()).digest()
    return {0: "test", 1: "validation"}.get(int.from_bytes(digest[:8], "big") % _SHARE, "train")


def _distinct(rng: Random) -> Iterator[Sentence]:
    """Sentences of 4 to 18 English words whose English and German are both new."""
    english, german = set(), set()
    while True:
        drawn = sentence(rng)
        if not 4 <= len(drawn.english.split()) <= 18:
            continue
        if drawn.english not in english and drawn.german not in german:
            english.add(drawn.english)
            german.add(drawn.german)
            yield drawn


def _then(waiting: list[tuple[str, Sentence]], stream: Iterator[Sentence]):
    yield from waiting
    for drawn in stream:
        yield split_of(drawn.keys), drawn


def _words(row: Sentence) -> set[str]:
    """The words of both sides, as written; only the first letter of a sentence is made small."""
    return {
        f"{side}:{word.strip('.,?!')}"
        for side, text in (("en", row.english), ("de", row.german))
        for word in (text[0].lower() + text[1:]).split()
    }
