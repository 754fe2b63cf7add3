"""Phrases that know both their languages: pronouns, names, noun phrases.

Each phrase has `english_subject`, `english_object`, `german(case)`, `person`, `plural` and `head`
(the word it is about), `reflexive`, and `pronoun`: what a later clause calls it, or None where
people differ (a girl is "es" by grammar and "sie" by sense, so nothing here refers back to one).
"""

from __future__ import annotations

from dataclasses import dataclass

from everyday import english, german
from everyday.lexicon import Adjective, Noun


@dataclass(frozen=True)
class Pronoun:
    """A personal pronoun with its possessive; "you" is always the familiar singular "du"."""

    english_subject: str
    english_object: str
    english_possessive: str
    nominative: str
    accusative: str
    dative: str
    reflexive: str
    german_possessive: str
    person: int
    plural: bool = False

    @property
    def head(self) -> str:
        """The English nominative."""
        return self.english_subject

    @property
    def pronoun(self) -> Pronoun:
        """A pronoun stays itself."""
        return self

    def german(self, case: str) -> str:
        """The form of a case: ich, mich, mir."""
        return {
            "nominative": self.nominative,
            "accusative": self.accusative,
            "dative": self.dative,
        }[case]


PRONOUNS = {
    row.split()[0]: Pronoun(*row.split()[:8], person=int(row.split()[8][0]), plural="p" in row[-2:])
    for row in (
        "I me my ich mich mir mich mein 1",
        "you you your du dich dir dich dein 2",
        "he him his er ihn ihm sich sein 3",
        "she her her sie sie ihr sich ihr 3",
        "we us our wir uns uns uns unser 1p",
        "they them their sie sie ihnen sich ihr 3p",
    )
}
_BY_GENDER = {"m": PRONOUNS["he"], "f": PRONOUNS["she"], "n": None, "p": PRONOUNS["they"]}


@dataclass(frozen=True)
class Word:
    """A subject of one fixed form: "it" of the weather, "who", a relative pronoun, a name."""

    english_subject: str
    nominative: str
    plural: bool = False
    gender: str = "n"
    person: int = 3

    reflexive = "sich"

    @property
    def english_object(self) -> str:
        """The same form."""
        return self.english_subject

    @property
    def head(self) -> str:
        """The word itself."""
        return self.english_subject

    @property
    def pronoun(self) -> Pronoun | None:
        """What a later clause calls it."""
        return _BY_GENDER[self.gender]

    def german(self, case: str) -> str:
        """The same form in every case, as names have it outside the genitive."""
        return self.nominative


IT = Word("it", "es")
WHO = Word("who", "wer")


@dataclass(frozen=True)
class NounPhrase:
    """A noun with determiner, perhaps adjective and owner.

    Args:
        noun: the noun.
        determiner: "the", "a", "this", "which", "" (bare plural or mass), "any" (after a negation:
            kein), a numeral or quantity of `QUANTITIES`, or a `Pronoun` that owns it.
        plural: plural or singular.
        adjective: one attributive adjective, or None.
        owner: whose it is: a name ("Annas Auto") or a noun phrase ("das Auto meines Vaters");
            stands in place of the determiner.
        negated: an indefinite phrase under negation, "a" or "any" or bare: German kein.
    """

    noun: Noun
    determiner: str | Pronoun = "the"
    plural: bool = False
    adjective: Adjective | None = None
    owner: Word | NounPhrase | None = None
    negated: bool = False

    person = 3
    reflexive = "sich"

    @property
    def head(self) -> str:
        """The English noun in the singular."""
        return self.noun.english

    @property
    def gender(self) -> str:
        """The gender, "p" in the plural."""
        return "p" if self.plural else self.noun.gender

    @property
    def pronoun(self) -> Pronoun | None:
        """What a later clause calls it."""
        return _BY_GENDER[self.gender]

    @property
    def definite(self) -> bool:
        """Whether a negation leaves the phrase alone (nicht) or enters it (kein)."""
        return (
            self.owner is not None
            or isinstance(self.determiner, Pronoun)
            or self.determiner in ("the", "this", "which")
        )

    @property
    def english_subject(self) -> str:
        """The English phrase."""
        noun = self.noun.english_plural if self.plural else self.noun.english
        words = [self.adjective.english, noun] if self.adjective else [noun]
        return " ".join([*self._english_determiner(words[0]), *words])

    @property
    def english_object(self) -> str:
        """The English phrase: nouns do not change."""
        return self.english_subject

    def german(self, case: str) -> str:
        """The declined German phrase."""
        before, declension, after = self._german_determiner(case)
        noun = german.decline(
            self.noun.german, self.noun.german_plural, self.gender, case, weak=self.noun.weak
        )
        words = [before] if before else []
        if self.adjective:
            words.append(german.adjective(self.adjective.german, declension, case, self.gender))
        return " ".join([*words, noun, *after])

    def _english_determiner(self, following: str) -> list[str]:
        if self.owner is not None:
            name = self.owner.english_subject
            return [name + ("'" if name.endswith("s") else "'s")]
        if isinstance(self.determiner, Pronoun):
            return [self.determiner.english_possessive]
        if self.determiner == "a":
            return [english.article(following)]
        if self.determiner == "this" and self.plural:
            return ["these"]
        return [self.determiner] if self.determiner else []

    def _german_determiner(self, case: str) -> tuple[str, str, list[str]]:
        """The words before, the declension of the adjective, the words after."""
        if isinstance(self.owner, Word):
            return f"{self.owner.nominative}s", "strong", []
        if self.owner is not None:
            owner = self.owner.german("genitive")
            return german.determiner("der", case, self.gender), "weak", [owner]
        if isinstance(self.determiner, Pronoun):
            stem = self.determiner.german_possessive
            # unser drops nothing here: unsere, unseren
            return german.determiner(stem, case, self.gender), "mixed", []
        if self.negated:
            return german.determiner("kein", case, self.gender), "mixed", []
        if self.determiner == "a":
            return german.determiner("ein", case, self.gender), "mixed", []
        stem = {"the": "der", "this": "dies", "which": "welch"}.get(self.determiner)
        if stem:
            return german.determiner(stem, case, self.gender), "weak", []
        return QUANTITIES.get(self.determiner, ""), "strong", []


# The dative of these stands nowhere in the grammar, so one form is enough.
QUANTITIES = {"two": "zwei", "three": "drei", "many": "viele", "some": "einige"}

Phrase = Pronoun | Word | NounPhrase
