"""Draws clauses: a frame, a subject, objects, circumstances, time."""

from dataclasses import dataclass, replace
from random import Random

from everyday import lexicon
from everyday.choices import (
    YOUNG,
    direction,
    object_of,
    owner_of,
    person,
    place,
    relative_of,
    sensible,
)
from everyday.clauses import MODALS, Clause, Complement
from everyday.frames import FRAMES, Frame, nouns
from everyday.lexicon import ADJECTIVES
from everyday.phrases import PRONOUNS, NounPhrase, Phrase

_LETTERS = {"h": "habit", "n": "now", "p": "past", "f": "future", "m": "modal", "s": "now"}


@dataclass(frozen=True)
class Drawn:
    """A clause and the frame it was drawn from."""

    clause: Clause
    frame: Frame

    @property
    def key(self) -> tuple[str, ...]:
        """Verb, subject and core objects: what the held-out splits are made of."""
        return clause_key(self.clause, self.frame.verb)


def clause_key(clause: Clause, verb: str) -> tuple[str, ...]:
    """The content of a clause: its verb, its subject, the heads of its objects.

    Places, company and beneficiaries count only in clauses without an object. Tense, time,
    negation, modal verb, determiners, adjectives, number and word order do not count.
    """
    core = [c for c in clause.complements if c.role not in ("place", "with", "for")]
    heads = [c.phrase.head if c.phrase else c.english for c in core or clause.complements]
    return (verb, clause.subject.head, *heads)


def draw(
    rng: Random,
    tense: str,
    *,
    subject: Phrase | None = None,
    frames: list[Frame] = FRAMES,
    negated: bool = False,
    timed: bool = True,
    asked: bool = False,
) -> Drawn:
    """Draws a clause of a tense ("now" includes states) from `frames`.

    Args:
        rng: the source of chance.
        tense: as `Clause.tense`; "was" takes frames of activities that last.
        subject: who, or None to draw one that fits.
        frames: the frames to draw from.
        negated: whether to negate; not for habits, where scope divides the two languages.
        timed: whether an adverbial of time may be drawn.
        asked: whether the subject shall be one that people ask about.
    """
    letters = {"now": "ns", "was": "w"}.get(tense, tense[0])
    fitting = [f for f in frames if set(letters) & set(f.tenses)]
    if subject is not None:
        fitting = [f for f in fitting if _fits(f, subject)]
        frame = rng.choice(fitting)
    else:
        frame = rng.choice(fitting)
        subject = _subject(rng, frame, asked)
        while not _fits(frame, subject):
            subject = _subject(rng, frame, asked)
    complements = _objects(rng, frame, subject, negated, tense == "habit")
    if not negated:
        complements += _circumstances(rng, frame, subject)
    time = _time(rng, tense, negated, frame) if timed else None
    clause = Clause(subject, lexicon.VERBS[frame.verb], tuple(complements), tense, time)
    if tense == "modal":
        clause = replace(clause, modal=_modal(rng, subject, negated))
    elif tense == "past" and "m" in frame.tenses and rng.random() < 0.12:
        clause = replace(clause, modal=MODALS[rng.choice(("have", "want"))])
    if negated:
        no = any(c.phrase.negated for c in complements if isinstance(c.phrase, NounPhrase))
        clause = replace(clause, negated=not no, no=no)
    return Drawn(clause, frame)


def _fits(frame: Frame, subject: Phrase) -> bool:
    if frame.verb in _ADULT and subject.head in YOUNG:
        return False
    if not frame.subject:
        return not isinstance(subject, NounPhrase) or subject.noun.group in _PEOPLE
    if not isinstance(subject, NounPhrase):
        return "young" in frame.subject or "role" in frame.subject
    return subject.noun in nouns(frame.subject)


_PEOPLE = ("role", "young", "kin")


_ADULT = ("drive", "work", "sell", "lend", "fly", "repair")


def _subject(rng: Random, frame: Frame, asked: bool) -> Phrase:
    if not frame.subject:
        return person(rng, asked=asked)
    noun = rng.choice(nouns(frame.subject))
    if noun.group == "kin":
        return relative_of(rng, PRONOUNS[rng.choice(("I", "you", "he", "she"))], noun)
    adjectives = ADJECTIVES[noun.group]
    adjective = rng.choice(adjectives) if rng.random() < 0.4 else None
    plural = rng.random() < 0.2 and noun.group != "transport"
    owner = rng.random()
    owned = noun.group not in ("role", "young", "transport")
    if owned and owner < 0.35:
        return NounPhrase(noun, PRONOUNS[rng.choice(tuple(PRONOUNS))], plural, adjective)
    if owned and owner < 0.45:
        return NounPhrase(noun, "the", plural, adjective, owner=owner_of(rng))
    return NounPhrase(noun, "the", plural, adjective)


def _modal(rng: Random, subject: Phrase, negated: bool):
    names = ["can", "want", "want", "have", "have", "should"]
    if not negated:
        names += ["would like"]
    head = subject.head
    if head in ("child", "boy", "girl", "son", "daughter", "I", "you", "we"):
        names += ["be allowed"]
    return MODALS[rng.choice(names)]


def _time(rng: Random, tense: str, negated: bool, frame: Frame):
    if tense == "habit":
        middle = not negated and rng.random() < 0.5
        times = lexicon.MIDDLE_TIMES if middle else _times("habit")
        return rng.choice([t for t in times if frame.verb != "get up" or not _late(t)])
    if ("n" not in frame.tenses and tense == "now") or frame.verb == "look forward to":
        return None
    tense = "past" if tense == "was" else tense
    times = [t for t in _times(tense) if frame.verb != "get up" or not _late(t)]
    times = [t for t in times if not (negated and t.english == "soon")]
    return rng.choice(times) if rng.random() < _TIMED[tense] else None


_TIMED = {"now": 0.35, "past": 0.7, "future": 0.75, "modal": 0.5}


def _late(time) -> bool:
    """Times at which nobody gets up."""
    return time.english in ("every evening", "in the evening", "tonight", "today", "now")


def _times(tense: str):
    return [time for time in lexicon.TIMES if tense in time.tenses]


def _objects(rng, frame: Frame, subject: Phrase, negated: bool, habit: bool) -> list[Complement]:
    """Objects in English order."""
    taken, found = {subject.head}, []
    if frame.dative:
        phrase = object_of(rng, frame, frame.dative, "own", subject, taken, False, habit)
        found.append(Complement("dative", phrase, case="dative"))
    if frame.accusative:
        personal = frame if not frame.dative else replace(frame, pronouns=False)
        phrase = object_of(
            rng, personal, frame.accusative, frame.determiners, subject, taken, negated, habit
        )
        found.append(Complement("accusative", phrase))
    if frame.close == "to" and (not frame.fixed or rng.random() < 0.6):
        found.append(direction(rng))
    elif "|" in frame.close:
        before, german, case, groups = frame.close.split("|")
        kind = "definite" if before else frame.determiners
        phrase = object_of(rng, frame, groups, kind, subject, taken, False, habit)
        phrase = replace(phrase, plural=False) if before else phrase
        found.append(Complement("close", phrase, before, german, case))
    elif frame.fixed:
        english, german = rng.choice(frame.fixed.split(", ")).split("=")
        found.append(Complement("close", None, english, german))
    return found


def _circumstances(rng: Random, frame: Frame, subject: Phrase) -> list[Complement]:
    found = []
    others = [n for n in sensible(lexicon.NOUNS["kin"], subject) if n.english != subject.head]
    owner = subject.pronoun or PRONOUNS["we"]
    if frame.company and rng.random() < 0.2:
        phrase = relative_of(rng, owner, rng.choice(others))
        found.append(Complement("with", phrase, "with", "mit", "dative"))
    elif frame.benefit and rng.random() < 0.3:
        phrase = relative_of(rng, owner, rng.choice(others))
        found.append(Complement("for", phrase, "for", "für", "accusative"))
    needs = not (frame.accusative or frame.dative or frame.close or frame.fixed)
    if frame.places and rng.random() < (0.75 if needs else 0.35):
        found.append(place(rng, frame.places))
    return found
