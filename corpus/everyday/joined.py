"""Sentences of two clauses side by side: because, although, if, before, while, when, and, but."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from everyday import clauses as c
from everyday import lexicon
from everyday.choices import person
from everyday.clauses import Clause
from everyday.frames import FRAMES, nouns
from everyday.lexicon import VERBS
from everyday.parts import (
    ACTIVE,
    NATURAL,
    Sentence,
    finish,
    fixed,
    fronted,
    main,
)
from everyday.phrases import Phrase, Pronoun
from everyday.sampler import Drawn, draw

_EFFORTS = [  # what one does or leaves for lack of time
    f
    for f in NATURAL
    if f.verb
    not in [
        "open",
        "close",
        "turn on",
        "turn off",
        "put on",
        "take off",
        "put/lay",
        "put/stand",
        "sit",
        "sleep",
        "stay",
        "ask",
        "come back",
        "wait for",
        "eat",
        "drink",
    ]
]


_EASE = ["have time", "have the day off"]


_HINDRANCE = ["be tired", "be sick", "have no time", "have a lot of work", "have a headache"]


_STATES = {
    "be tired": ("tired", "müde"),
    "be sick": ("sick", "krank"),
    "have time": ("time", "Zeit"),
    "have the day off": ("the day off", "frei"),
    "have no time": ("no time", "keine Zeit"),
    "have a lot of work": ("a lot of work", "viel Arbeit"),
    "have a headache": ("a headache", "Kopfschmerzen"),
}


_WEATHER = {  # English present and past; verb-final German present, past
    "good": [
        (
            ("the weather is nice", "the weather was nice"),
            "das Wetter schön ist",
            "das Wetter schön war",
        ),
        (
            ("the sun is shining", "the sun was shining"),
            "die Sonne scheint",
            "die Sonne geschienen hat",
        ),
        (("it is warm", "it was warm"), "es warm ist", "es warm war"),
    ],
    "bad": [
        (
            ("the weather is bad", "the weather was bad"),
            "das Wetter schlecht ist",
            "das Wetter schlecht war",
        ),
        (("it is raining", "it was raining"), "es regnet", "es geregnet hat"),
        (("it is cold", "it was cold"), "es kalt ist", "es kalt war"),
    ],
}


_OUTDOORS = ("go", "drive", "travel", "swim", "visit", "wash", "shop", "meet", "play")


def _circumstance(rng, subject: Phrase, drawn: Drawn, tense: str, ease: bool) -> tuple[str, str]:
    """A state of the subject or the weather, English and verb-final German."""
    if drawn.frame.verb in _OUTDOORS and rng.random() < 0.6:
        english, present, past = rng.choice(_WEATHER["good" if ease else "bad"])
        return (english[1], past) if tense == "past" else (english[0], present)
    state = rng.choice(_EASE if ease else _HINDRANCE)
    what = fixed(*_STATES[state])
    clause = Clause(subject, VERBS[state.partition(" ")[0]], (what,), tense)
    return c.english_statement(clause), c.german_verb_last(clause)


def _referable(rng: Random) -> Phrase:
    while True:
        subject = person(rng)
        if subject.pronoun:
            return subject


def _joined(rng, drawn: Drawn, conjunction: tuple[str, str], side: Callable) -> Sentence:
    """Main clause and subordinate clause in either order; the second names its subject again by
    a pronoun. `side(subject)` gives the subordinate clause."""
    subject, (english, german) = drawn.clause.subject, conjunction
    if rng.random() < 0.45:
        side_english, side_german = side(subject)
        later = replace(drawn.clause, subject=subject.pronoun)
        return finish(
            f"{english} {side_english}, {c.english_statement(later)}",
            f"{german} {side_german}, {c.german_verb_first(later)}",
            drawn,
        )
    side_english, side_german = side(subject.pronoun)
    main_english, main_german = fronted(drawn.clause) if rng.random() < 0.3 else main(drawn.clause)
    return finish(
        f"{main_english} {english} {side_english}", f"{main_german}, {german} {side_german}", drawn
    )


def reason(rng: Random) -> Sentence:
    """ "Anna is not going to the park because she is tired.", "Although it is raining, …" """
    although = rng.random() < 0.4
    tense = rng.choice(("now", "past", "past"))
    negated = not although and rng.random() < 0.7
    ease = not although and not negated
    subject = _referable(rng)
    drawn = draw(rng, tense, subject=subject, negated=negated, frames=_EFFORTS)
    drawn = replace(drawn, clause=replace(drawn.clause, modal=None))
    words = ("although", "obwohl") if although else ("because", "weil")
    return _joined(rng, drawn, words, lambda who: _circumstance(rng, who, drawn, tense, ease))


def condition(rng: Random) -> Sentence:
    """ "If Peter has time tomorrow, he will repair the bicycle." """
    negated = rng.random() < 0.35
    drawn = draw(
        rng, "future", subject=_referable(rng), negated=negated, frames=_EFFORTS, timed=False
    )
    return _joined(
        rng, drawn, ("if", "wenn"), lambda who: _circumstance(rng, who, drawn, "now", not negated)
    )


_NOT_BEFORE = (
    "work",
    "sit",
    "go",
    "drive",
    "travel",
    "fly",
    "stay",
    "live",
    "arrive",
    "come back",
    "sleep",
    "get up",
)


def before(rng: Random) -> Sentence:
    """ "Before she went to bed, she read a story." """
    tense = rng.choice(("habit", "past", "past"))
    frames = [f for f in ACTIVE if set("pf") <= set(f.tenses) and f.verb not in _NOT_BEFORE]
    drawn = draw(rng, tense, subject=_referable(rng), frames=frames, timed=False)
    if tense == "habit":
        often = rng.choice([t for t in lexicon.MIDDLE_TIMES if t.english in ("always", "often")])
        drawn = replace(drawn, clause=replace(drawn.clause, time=often))
    verb, english, german = rng.choice(
        [
            ("go", "to bed", "ins Bett"),
            ("go", "to work", "zur Arbeit"),
            ("go", "home", "nach Hause"),
            ("travel", "to Italy", "nach Italien"),
            ("drive", "to the city", "in die Stadt"),
            ("go", "to the office", "ins Büro"),
        ]
    )

    def side(who: Phrase) -> tuple[str, str]:
        clause = Clause(who, VERBS[verb], (fixed(english, german),), tense)
        return c.english_statement(clause), c.german_verb_last(clause)

    return _joined(rng, drawn, ("before", "bevor"), side)


def _another(rng: Random, tense: str, first: Drawn, **options) -> Drawn:
    """A second clause about somebody and something else."""
    while True:
        drawn = draw(rng, tense, timed=False, **options)
        one, other = first.clause.subject, drawn.clause.subject
        confused = one.pronoun == other.pronoun and Pronoun in (type(one), type(other))
        if not confused and not set(drawn.key) & set(first.key):
            return drawn


def meanwhile(rng: Random) -> Sentence:
    """ "While his wife was cooking, the man was reading the newspaper." """
    past = rng.random() < 0.5
    tense = "was" if past else "now"
    frames = [f for f in ACTIVE if "w" in f.tenses]
    first = draw(rng, tense, frames=frames, timed=False)
    second = _another(rng, tense, first, frames=frames)
    if rng.random() < 0.5:
        return finish(
            f"while {c.english_statement(first.clause)}, {c.english_statement(second.clause)}",
            f"während {c.german_verb_last(first.clause)}, {c.german_verb_first(second.clause)}",
            first,
            second,
        )
    english, german = main(first.clause)
    return finish(
        f"{english} while {c.english_statement(second.clause)}",
        f"{german}, während {c.german_verb_last(second.clause)}",
        first,
        second,
    )


def arrival(rng: Random) -> Sentence:
    """ "When I came home, my brother was cooking soup." """
    who = person(rng)
    verb, english, german = rng.choice(
        [("come", "home", "nach Hause"), ("arrive", "at the hotel", "im Hotel")]
    )
    clause = Clause(who, VERBS[verb], (fixed(english, german),), "past")
    first = Drawn(clause, replace(FRAMES[0], verb=verb))
    second = _another(rng, "was", first)
    if rng.random() < 0.6:
        return finish(
            f"when {c.english_statement(clause)}, {c.english_statement(second.clause)}",
            f"als {c.german_verb_last(clause)}, {c.german_verb_first(second.clause)}",
            second,
        )
    english, german = main(second.clause)
    return finish(
        f"{english} when {c.english_statement(clause)}",
        f"{german}, als {c.german_verb_last(clause)}",
        second,
    )


def contrast(rng: Random) -> Sentence:
    """ "Anna is reading the newspaper and her brother is sleeping.", "…, but …" """
    tense = rng.choice(("now", "past", "future"))
    first = draw(rng, tense, timed=False, frames=NATURAL)
    but = len(nouns(first.frame.accusative)) > 1 and rng.random() < 0.5
    frames = [first.frame] if but else NATURAL
    if but:
        while True:
            second = draw(rng, tense, timed=False, frames=frames)
            differ = second.key[1] != first.key[1] and second.key[2:] != first.key[2:]
            if differ and second.clause.subject.pronoun != first.clause.subject.pronoun:
                break
    else:
        second = _another(rng, tense, first, frames=frames)
    english, german = (", but", ", aber") if but else (" and", " und")
    return finish(
        f"{c.english_statement(first.clause)}{english} {c.english_statement(second.clause)}",
        f"{c.german_statement(first.clause)}{german} {c.german_statement(second.clause)}",
        first,
        second,
    )
