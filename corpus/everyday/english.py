"""English morphology: plurals, articles, verb forms."""

from dataclasses import dataclass

_BE_PRESENT = ("am", "are", "is", "are", "are")
_BE_PAST = ("was", "were", "was", "were", "were")
_DOUBLED = {"put", "get", "sit", "run", "swim", "forget", "shop"}


def article(following: str) -> str:
    """The indefinite article before a word: "an" apple, "a" university."""
    return "an" if following[0] in "aeiou" and not following.startswith("uni") else "a"


def add_s(word: str) -> str:
    """Adds the -s of the plural and of the third person: box → boxes, story → stories."""
    if word.endswith(("s", "x", "z", "ch", "sh", "o")) and word not in _PLAIN_O:
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


_PLAIN_O = {"radio"}


@dataclass(frozen=True)
class EnglishVerb:
    """One English verb, perhaps with a particle ("look for"), and its forms.

    Args:
        lemma: the base form with particle: "pick up".
        past: the simple past of the first word: "picked".
        stative: whether the verb has no progressive form (know, need).
    """

    lemma: str
    past: str
    stative: bool = False

    def present(self, person: int, plural: bool) -> str:
        """The simple present: (3, False) gives "looks for"."""
        if self.head == "be":
            return self._join(_BE_PRESENT[_slot(person, plural)])
        if person != 3 or plural:
            return self.lemma
        return self._join("has" if self.head == "have" else add_s(self.head))

    def simple_past(self, person: int, plural: bool) -> str:
        """The simple past: "looked for"."""
        return self._join(_BE_PAST[_slot(person, plural)] if self.head == "be" else self.past)

    def progressive(self) -> str:
        """The -ing form: "looking for"."""
        head = self.head
        if head in _DOUBLED:
            head += head[-1]
        elif head.endswith("e") and not head.endswith(("ee", "be")):
            head = head[:-1]
        return self._join(head + "ing")

    @property
    def head(self) -> str:
        """The word that is inflected."""
        return self.lemma.split()[0]

    def _join(self, form: str) -> str:
        return " ".join([form, *self.lemma.split()[1:]])


def _slot(person: int, plural: bool) -> int:
    return person - 1 if not plural else (3 if person == 1 else 4)


BE = EnglishVerb("be", "was", stative=True)
DO = EnglishVerb("do", "did")
