"""What every kind of sentence is built with."""

from dataclasses import replace
from typing import NamedTuple

from tftransformer.data.everyday import clauses as c
from tftransformer.data.everyday.clauses import Clause, Complement
from tftransformer.data.everyday.frames import FRAMES
from tftransformer.data.everyday.sampler import Drawn


class Sentence(NamedTuple):
    """A pair and the keys of the clauses it is made of (see `sampler.clause_key`)."""

    english: str
    german: str
    keys: tuple[tuple[str, ...], ...]


def finish(english: str, german: str, *drawn: Drawn, mark: str = ".") -> Sentence:
    both = (text[0].upper() + text[1:] + mark for text in (english, german))
    return Sentence(*both, tuple(d.key for d in drawn))


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
