"""One clause in both languages: its content once, its word orders as functions.

Conventions that make the German a function of the English: simple present and progressive are both
Präsens; the past is the Perfekt, but the preterite of sein, haben, mögen, liegen, stehen, gehören
and the modal verbs; "will" is werden. An adverbial of time stands first in German exactly where it
stands first in English.
"""

from __future__ import annotations

from dataclasses import dataclass

from everyday.english import BE, DO, EnglishVerb
from everyday.german import GermanVerb, contract
from everyday.lexicon import Time, Verb
from everyday.phrases import NounPhrase, Phrase, Pronoun


@dataclass(frozen=True)
class Complement:
    """An object or adverbial of a clause.

    Args:
        role: "dative", "accusative", "with", "place", "for" or "close" (prepositional objects,
            directions, predicates: what stands last in the German middle field).
        phrase: the noun phrase, or None for fixed words.
        english: the English preposition, or the fixed words.
        german: the German preposition, or the fixed words.
        case: the German case of `phrase`.
    """

    role: str
    phrase: Phrase | None
    english: str = ""
    german: str = ""
    case: str = "accusative"

    def in_english(self) -> str:
        """The English words."""
        words = [self.english] if self.english else []
        return " ".join([*words, self.phrase.english_object] if self.phrase else words)

    def in_german(self) -> str:
        """The German words."""
        if self.phrase is None:
            return self.german
        phrase = self.phrase.german(self.case)
        return contract(self.german, phrase) if self.german else phrase

    @property
    def slot(self) -> int:
        """The place in the German middle field."""
        if isinstance(self.phrase, Pronoun) and not self.german:
            return 0
        if self.role == "accusative" and isinstance(self.phrase, NounPhrase):
            return _SLOTS["definite" if self.phrase.definite else "indefinite"]
        return _SLOTS[self.role]


# Pronouns, time, dative, definite accusative, company, place, indefinite accusative,
# beneficiary, nicht, and what belongs closely to the verb.
_SLOTS = {
    "time": 1,
    "dative": 2,
    "definite": 3,
    "with": 4,
    "place": 5,
    "indefinite": 6,
    "accusative": 6,
    "for": 7,
    "nicht": 8,
    "close": 9,
}


@dataclass(frozen=True)
class Modal:
    """A modal verb: an English auxiliary ("can"), or words before "to" ("want", "be allowed")."""

    english: EnglishVerb | str
    german: GermanVerb


MODALS = {
    "can": Modal("can", GermanVerb("können")),
    "should": Modal("should", GermanVerb("sollen")),
    "would like": Modal("would", GermanVerb("möchten")),
    "want": Modal(EnglishVerb("want", "wanted"), GermanVerb("wollen")),
    "have": Modal(EnglishVerb("have", "had"), GermanVerb("müssen")),
    "be allowed": Modal(EnglishVerb("be allowed", "was"), GermanVerb("dürfen")),
}


@dataclass(frozen=True)
class Clause:
    """What a clause says, apart from its word order.

    Args:
        subject: who acts.
        verb: the verb pair.
        complements: objects and adverbials, in English order.
        tense: "habit" (simple present), "now" (progressive, or simple for stative verbs),
            "past", "was" (past progressive), "future", or "modal" (a modal verb in the present).
        time: an adverbial of time, or None.
        negated: negation with nicht; negated noun phrases (kein) carry their own mark.
        no: negation with kein: the English verb is negated, the German one is not.
        modal: the modal verb, or None; with tense "past" it stands in the past.
    """

    subject: Phrase
    verb: Verb
    complements: tuple[Complement, ...] = ()
    tense: str = "now"
    time: Time | None = None
    negated: bool = False
    no: bool = False
    modal: Modal | None = None


# English ---------------------------------------------------------------------------------------


def _english_verb(clause: Clause, *, support: bool) -> tuple[str, str]:
    """Returns (auxiliary or "", the rest); `support` asks for an auxiliary in any case."""
    who = clause.subject.person, clause.subject.plural
    verb, tense = clause.verb.english, clause.tense
    before, after = [], []
    if clause.modal:
        modal = clause.modal.english
        if isinstance(modal, str):
            like = ["like to"] if modal == "would" else []
            return modal, " ".join([*like, verb.lemma])
        after, verb = ["to", verb.lemma], modal
    elif tense == "future":
        return "will", verb.lemma
    elif tense in ("now", "was") and not verb.stative:
        auxiliary = BE.present(*who) if tense == "now" else BE.simple_past(*who)
        return auxiliary, verb.progressive()
    past = tense in ("past", "was")
    form = verb.simple_past(*who) if past else verb.present(*who)
    if verb.head == "be":
        auxiliary, *rest = form.split()
        return auxiliary, " ".join([*rest, *after])
    if support:
        before, form = [DO.past if past else DO.present(*who)], verb.lemma
    return "".join(before), " ".join([form, *after])


def _english_rest(clause: Clause) -> list[str]:
    words = [complement.in_english() for complement in clause.complements]
    return [*words, clause.time.english] if clause.time and not clause.time.middle else words


def _middle(clause: Clause) -> list[str]:
    return [clause.time.english] if clause.time and clause.time.middle else []


def english_statement(clause: Clause) -> str:
    """Subject first: "The old man is not reading the newspaper today"."""
    negated = clause.negated or clause.no
    auxiliary, rest = _english_verb(clause, support=negated)
    denial = ["not"] if negated else []
    start = [auxiliary, *denial] if auxiliary else []
    words = [clause.subject.english_subject, *start, *_middle(clause), rest, *_english_rest(clause)]
    return _tidy(words)


def english_question(clause: Clause, asking: str = "") -> str:
    """Auxiliary before the subject: "Is the old man reading?", "What is he reading?"."""
    auxiliary, rest = _english_verb(clause, support=True)
    denial = ["not"] if clause.negated or clause.no else []
    subject = clause.subject.english_subject
    words = [asking, auxiliary, subject, *denial, *_middle(clause), rest, *_english_rest(clause)]
    return _tidy(words)


def english_infinitive(clause: Clause) -> str:
    """The clause without subject: "read the newspaper"."""
    return _tidy([clause.verb.english.lemma, *_english_rest(clause)])


def _tidy(words: list[str]) -> str:
    return " ".join(word for word in words if word).replace("can not", "cannot")


# German ----------------------------------------------------------------------------------------


def _german_verb(clause: Clause) -> tuple[str, str, str]:
    """Returns (finite form, what stands at the end of a main clause, its form at a final end)."""
    who = clause.subject.person, clause.subject.plural
    verb = clause.verb.german
    past = clause.tense in ("past", "was")
    if clause.modal:
        modal = clause.modal.german
        finite = modal.preterite(*who) if past else modal.present(*who)
        return finite, verb.full_infinitive(), f"{verb.full_infinitive()} {finite}"
    if clause.tense == "future":
        finite = GermanVerb("werden").present(*who)
        return finite, verb.full_infinitive(), f"{verb.full_infinitive()} {finite}"
    if past and not verb.simple_past:
        finite = GermanVerb(verb.auxiliary).present(*who)
        return finite, verb.past_participle(), f"{verb.past_participle()} {finite}"
    finite = verb.preterite(*who) if past else verb.present(*who)
    return finite, verb.prefix, verb.prefix + finite


def _middle_field(clause: Clause, *, time: bool = True) -> list[str]:
    items = [(c.slot, c.case == "dative", c.in_german()) for c in clause.complements]
    if clause.verb.german.reflexive:
        items.append((0, False, clause.subject.reflexive))
    if clause.time and time:
        items.append((_SLOTS["time"], False, clause.time.german))
    if clause.negated:
        items.append((_SLOTS["nicht"], False, "nicht"))
    return [words for _, _, words in sorted(items, key=lambda item: item[:2])]


def _after_finite(clause: Clause, *, time: bool = True) -> list[str]:
    """Subject and middle field; a pronoun object comes before a subject that is a noun."""
    subject, middle = clause.subject.german("nominative"), _middle_field(clause, time=time)
    reflexive = clause.verb.german.reflexive
    light = reflexive or any(c.slot == 0 for c in clause.complements)
    noun = isinstance(clause.subject, NounPhrase)  # "ihr Martin" would be her Martin
    if light and (noun or (reflexive and not isinstance(clause.subject, Pronoun))):
        return [middle[0], subject, *middle[1:]]
    return [subject, *middle]


def german_statement(clause: Clause) -> str:
    """Subject first, finite verb second."""
    finite, end, _ = _german_verb(clause)
    return _tidy([clause.subject.german("nominative"), finite, *_middle_field(clause), end])


def german_verb_first(clause: Clause, front: str = "", *, time: bool = True) -> str:
    """Finite verb before the subject, after `front`: questions and inversions.

    `time` is False where `front` is the clause's own adverbial of time.
    """
    finite, end, _ = _german_verb(clause)
    return _tidy([front, finite, *_after_finite(clause, time=time), end])


def german_verb_last(clause: Clause, opening: str = "") -> str:
    """A subordinate clause after its conjunction (or relative pronoun as object)."""
    _, _, end = _german_verb(clause)
    return _tidy([opening, clause.subject.german("nominative"), *_middle_field(clause), end])


def german_infinitive(clause: Clause) -> str:
    """The zu-infinitive with its objects: "die Zeitung zu lesen"."""
    return _tidy([*_middle_field(clause), clause.verb.german.zu_infinitive()])


def german_imperative(clause: Clause, bitte: bool) -> str:
    """The familiar imperative: "Mach bitte das Fenster auf"."""
    verb = clause.verb.german
    middle = _middle_field(clause)
    please = ["bitte"] if bitte else []
    light = sum(c.slot == 0 for c in clause.complements) + verb.reflexive
    return _tidy([verb.imperative(), *middle[:light], *please, *middle[light:], verb.prefix])
