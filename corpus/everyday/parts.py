"""What every kind of sentence is built with."""

from dataclasses import replace
from typing import NamedTuple

from everyday import clauses as c
from everyday.clauses import Clause, Complement
from everyday.frames import FRAMES
from everyday.sampler import Drawn


class Sentence(NamedTuple):
    """A pair and what it is made of.

    Attributes:
        english, german: the texts.
        keys: of its clauses (see `sampler.clause_key`).
        tense: "present", "past" or "future": when that happens which it tells of.
        kind: the name of the function that makes such sentences.
    """

    english: str
    german: str
    keys: tuple[tuple[str, ...], ...]
    tense: str
    kind: str = ""


# The tenses of clauses by the names that they have as labels.
LABELS = {
    "habit": "present",
    "now": "present",
    "modal": "present",
    "past": "past",
    "was": "past",
    "future": "future",
}


def finish(
    english: str, german: str, *drawn: Drawn, mark: str = ".", tense: str | None = None
) -> Sentence:
    """Writes a sentence down; its tense is that of the first clause, if not another is given."""
    both = (text[0].upper() + text[1:] + mark for text in (english, german))
    label = LABELS[tense or drawn[0].clause.tense]
    return Sentence(*both, tuple(d.key for d in drawn), label)


def fixed(english: str, german: str, role: str = "close") -> Complement:
    return Complement(role, None, english, german)


ACTIVE = [f for f in FRAMES if not f.subject]
NATURAL = [f for f in ACTIVE if set("npf") <= set(f.tenses)]
TENSES = (
    "habit",
    "habit",
    "now",
    "now",
    "past",
    "past",
    "past",
    "future",
    "future",
    "modal",
    "modal",
)
COLORS = ("red", "blue", "black", "green", "white")


def main(clause: Clause) -> tuple[str, str]:
    """A main clause, its time at the end as in English."""
    return c.english_statement(clause), c.german_statement(clause)


def fronted(clause: Clause) -> tuple[str, str]:
    """A main clause with its time first, where it has one that can stand there."""
    if not clause.time or clause.time.middle:
        return main(clause)
    time = clause.time
    english = c.english_statement(replace(clause, time=None))
    return f"{time.english} {english}", c.german_verb_first(clause, time.german, time=False)
