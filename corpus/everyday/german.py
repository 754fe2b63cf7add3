"""German morphology: declension of articles, adjectives and nouns, conjugation of verbs.

Cases are "nominative", "accusative", "dative" and "genitive"; genders are "m", "f", "n", and "p"
for the plural, which knows no gender.
"""

from dataclasses import dataclass

CASES = ("nominative", "accusative", "dative", "genitive")
GENDERS = "mfnp"


def _table(rows: str) -> dict[tuple[str, str], str]:
    """Reads four rows (cases) of four endings (m f n p); "-" is the empty ending."""
    return {
        (case, gender): "" if ending == "-" else ending
        for case, row in zip(CASES, rows.split("/"), strict=True)
        for gender, ending in zip(GENDERS, row.split(), strict=True)
    }


DEFINITE = _table("der die das die/den die das die/dem der dem den/des der des der")
_DIES = _table("er e es e/en e es e/em er em en/es er es er")
_EIN = _table("- e - e/en e - e/em er em en/es er es er")
_WEAK = _table("e e e en/en e e en/en en en en/en en en en")
_MIXED = _table("er e es en/en e es en/en en en en/en en en en")
_STRONG = _table("er e es e/en e es e/em er em en/en er en er")
_ADJECTIVES = {"weak": _WEAK, "mixed": _MIXED, "strong": _STRONG}

_LIKE_DIES = ("dies", "welch")
_CONTRACTIONS = {
    "in dem": "im",
    "an dem": "am",
    "zu dem": "zum",
    "von dem": "vom",
    "bei dem": "beim",
    "zu der": "zur",
    "in das": "ins",
    "an das": "ans",
}


def determiner(stem: str, case: str, gender: str) -> str:
    """Declines "der", "dies", "welch", "ein", "kein" or a possessive stem such as "mein"."""
    if stem == "der":
        return DEFINITE[case, gender]
    return stem + (_DIES if stem in _LIKE_DIES else _EIN)[case, gender]


def adjective(base: str, declension: str, case: str, gender: str) -> str:
    """Declines an attributive adjective; `declension` is "weak", "mixed" or "strong"."""
    if base == "teuer":
        base = "teur"
    return base + _ADJECTIVES[declension][case, gender]


def contract(preposition: str, phrase: str) -> str:
    """Joins a preposition to a noun phrase: in + dem Garten → im Garten."""
    first, _, rest = phrase.partition(" ")
    together = _CONTRACTIONS.get(f"{preposition} {first}")
    return f"{together} {rest}" if together else f"{preposition} {phrase}"


def decline(singular: str, plural: str, gender: str, case: str, *, weak: bool = False) -> str:
    """Declines a noun; `gender` "p" asks for the plural.

    Weak masculine nouns take the form of their plural outside the nominative: den Jungen.
    """
    if gender == "p":
        return plural + "n" if case == "dative" and plural[-1] not in "ns" else plural
    if weak:
        return singular if case == "nominative" else plural
    if case == "genitive" and gender != "f":
        return singular + ("es" if singular in _LONG_GENITIVE else "s")
    return singular


_LONG_GENITIVE = {"Mann", "Kind", "Freund", "Arzt", "Sohn", "Gast"}

# Full paradigms (ich, du, er, wir, sie) where rules do not reach.
_PRESENT = {
    "sein": "bin bist ist sind sind",
    "haben": "habe hast hat haben haben",
    "werden": "werde wirst wird werden werden",
    "wissen": "weiß weißt weiß wissen wissen",
    "mögen": "mag magst mag mögen mögen",
    "können": "kann kannst kann können können",
    "müssen": "muss musst muss müssen müssen",
    "wollen": "will willst will wollen wollen",
    "dürfen": "darf darfst darf dürfen dürfen",
    "möchten": "möchte möchtest möchte möchten möchten",
    "sollen": "sollte solltest sollte sollten sollten",
}
_PRETERITE = {
    "sein": "war warst war waren waren",
    "haben": "hatte hattest hatte hatten hatten",
    "mögen": "mochte mochtest mochte mochten mochten",
    "müssen": "musste musstest musste mussten mussten",
    "wollen": "wollte wolltest wollte wollten wollten",
    "dürfen": "durfte durftest durfte durften durften",
    "liegen": "lag lagst lag lagen lagen",
    "stehen": "stand standst stand standen standen",
    "gehören": "gehörte gehörtest gehörte gehörten gehörten",
}


def _slot(person: int, plural: bool) -> int:
    return person - 1 if not plural else (3 if person == 1 else 4)


@dataclass(frozen=True)
class GermanVerb:
    """One German verb and its forms.

    Args:
        infinitive: without a separable prefix: "rufen".
        prefix: the separable prefix or "": "an".
        stem: the changed stem of the second and third person singular ("lies"), or "".
        participle: the past participle without separable prefix ("gerufen"); "" for a regular one.
        auxiliary: of the perfect, "haben" or "sein".
        reflexive: whether it takes an accusative reflexive pronoun.
        simple_past: whether past events stand in the preterite instead of the perfect.
    """

    infinitive: str
    prefix: str = ""
    stem: str = ""
    participle: str = ""
    auxiliary: str = "haben"
    reflexive: bool = False
    simple_past: bool = False

    def present(self, person: int, plural: bool) -> str:
        """The finite present form, without separable prefix."""
        slot = _slot(person, plural)
        if self.infinitive in _PRESENT:
            return _PRESENT[self.infinitive].split()[slot]
        if slot >= 3:
            return self.infinitive
        base = self._base()
        if slot == 0:
            return base + "e"
        stem = self.stem or base
        hissing = stem.endswith(("s", "ß", "z", "x"))
        link = "e" if _needs_e(stem) and not self.stem else ""
        if slot == 2 and self.stem.endswith("t"):
            return stem  # er hält, er tritt
        return stem + link + ("t" if slot == 2 or hissing else "st")

    def preterite(self, person: int, plural: bool) -> str:
        """The finite preterite; known for the verbs with `simple_past` and for modal verbs."""
        return _PRETERITE[self.infinitive].split()[_slot(person, plural)]

    def past_participle(self) -> str:
        """The past participle with separable prefix: "angerufen"."""
        if self.participle:
            return self.prefix + self.participle
        base = self._base()
        ending = "et" if _needs_e(base) else "t"
        inseparable = self.infinitive.startswith(("be", "ver", "er", "ent"))
        augment = "" if inseparable or self.infinitive.endswith("ieren") else "ge"
        return f"{self.prefix}{augment}{base}{ending}"

    def full_infinitive(self) -> str:
        """The infinitive with separable prefix: "anrufen"."""
        return self.prefix + self.infinitive

    def zu_infinitive(self) -> str:
        """The infinitive with zu: "anzurufen", "zu kaufen"."""
        return f"{self.prefix}zu{self.infinitive}" if self.prefix else f"zu {self.infinitive}"

    def imperative(self) -> str:
        """The familiar singular imperative, without separable prefix: "lies", "mach", "warte"."""
        base = self._base()
        if self.stem and not set("äö") & set(self.stem):
            return self.stem
        return base + "e" if _needs_e(base) or base.endswith("er") else base

    def _base(self) -> str:
        return self.infinitive.removesuffix("n").removesuffix("e")


def _needs_e(stem: str) -> bool:
    return stem.endswith(("t", "d", "chn", "ffn"))
