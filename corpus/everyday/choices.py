"""Draws phrases: who, what, whose, where."""

from random import Random

from everyday import lexicon
from everyday.clauses import Complement
from everyday.frames import nouns
from everyday.lexicon import ADJECTIVES, Adjective, Noun
from everyday.phrases import PRONOUNS, NounPhrase, Phrase, Pronoun, Word

_MASS = ("broth", "staple", "drink", "money", "language", "music")


_WAYS = "park, office, restaurant, library, museum, café, cinema, market, train station, lake, city"


_PERSONAL = ("clothes", "luggage", "small", "text", "upright")
_LITTLE = Adjective("little", "klein")


YOUNG = ("child", "boy", "girl")


def name(rng: Random) -> Word:
    """A person by name."""
    chosen = rng.choice(list(lexicon.NAMES))
    return Word(chosen, chosen, gender=lexicon.NAMES[chosen])


def person(rng: Random, *, asked: bool = False) -> Phrase:
    """A subject that can do what people do; `asked` leaves out I and we."""
    kind = rng.random()
    if kind < 0.3:
        return PRONOUNS[rng.choice(("you", "he", "she", "they") if asked else tuple(PRONOUNS))]
    if kind < 0.45:
        return name(rng)
    if kind < 0.75:
        return relative_of(rng, PRONOUNS[rng.choice(("I", "you", "he", "she", "we", "they"))])
    return role(rng, "role" if rng.random() < 0.75 else "young")


def role(rng: Random, group: str) -> NounPhrase:
    """ "The old doctor", "the children"."""
    noun = rng.choice(lexicon.NOUNS[group])
    adjective = rng.choice(ADJECTIVES[group]) if rng.random() < 0.4 else None
    return NounPhrase(noun, "the", rng.random() < 0.2, adjective)


def relative_of(rng: Random, owner: Pronoun, chosen: Noun | None = None) -> NounPhrase:
    """ "My aunt", "their little son"."""
    noun = chosen or rng.choice(lexicon.NOUNS["kin"])
    plural = noun.gender == "p" or (bool(noun.german_plural) and rng.random() < 0.12)
    little = (
        chosen is None
        and noun.english in ("brother", "sister", "son", "daughter")
        and rng.random() < 0.3
    )
    return NounPhrase(noun, owner, plural, _LITTLE if little else None)


def owner_of(rng: Random) -> Word | NounPhrase:
    if rng.random() < 0.5:
        return name(rng)
    return relative_of(rng, PRONOUNS[rng.choice(("I", "you", "we"))])


def direction(rng: Random, noun: Noun | None = None) -> Complement:
    """Where to: "to the library", "into the garden"."""
    noun = noun or rng.choice(nouns(_WAYS))
    english, german = lexicon.WHERE[noun.english][1]
    case = "dative" if german == "zu" else "accusative"
    return Complement("close", _site(rng, noun), english, german, case)


def place(rng: Random, places: str) -> Complement:
    """Where: "in the garden", "at the train station"."""
    noun = rng.choice(nouns(places))
    if noun.english == "school":
        return Complement("place", None, "at school", "in der Schule")
    english, german = lexicon.WHERE.get(noun.english, (["in", "in"],))[0]
    return Complement("place", _site(rng, noun), english, german, "dative")


def _site(rng: Random, noun: Noun) -> Phrase:
    plain = rng.random() < 0.85 or noun.group not in ("site", "room")
    return NounPhrase(noun, "the", False, None if plain else rng.choice(ADJECTIVES[noun.group]))


def sensible(choices: list[Noun], subject: Phrase) -> list[Noun]:
    """Leaves out the children of children and the elders of grandparents."""
    unfit: tuple[str, ...] = ()
    if subject.head in YOUNG:
        unfit = ("son", "daughter", "coffee", "colleague", "customer", "car", "apartment", "house")
    elif subject.head in ("grandmother", "grandfather", "parents"):
        unfit = ("mother", "father", "grandmother", "grandfather", "parents", "uncle", "aunt")
    return [n for n in choices if n.english not in unfit]


def _others(subject: Phrase) -> list[str]:
    """Pronouns that name somebody else than the subject."""
    if subject.person == 1:
        return ["you", "he", "she", "they"] if not subject.plural else ["he", "she", "they"]
    if subject.person == 2:
        return ["I", "he", "she", "they"]
    gender = subject.pronoun.english_subject if subject.pronoun else ""
    return [name for name in ("I", "you", "we", "he", "she") if name != gender]


def object_of(rng, frame, groups, kind, subject, taken, negated, habit) -> Phrase:
    if frame.pronouns and rng.random() < 0.3:
        return PRONOUNS[rng.choice(_others(subject))]
    noun = rng.choice([n for n in sensible(nouns(groups), subject) if n.english not in taken])
    taken.add(noun.english)
    owner = subject.pronoun
    if noun.group == "kin":
        return relative_of(rng, owner if owner and rng.random() < 0.8 else PRONOUNS["we"], noun)
    if noun.group in _MASS:
        adjectives = ADJECTIVES.get(noun.group)
        adjective = rng.choice(adjectives) if adjectives and rng.random() < 0.3 else None
        defined = kind in ("own", "definite", "any") and rng.random() < 0.3 and not habit
        if noun.group in ("language", "music") or not defined:
            bare = kind == "bare" or noun.group in ("language", "music")
            word = "any" if negated and not bare else ""
            return NounPhrase(noun, word, False, adjective, negated=negated)
        return NounPhrase(noun, "the", False, adjective)
    adjectives = [a for a in ADJECTIVES.get(noun.group, ()) if a.english not in frame.unfit]
    adjective = rng.choice(adjectives) if adjectives and rng.random() < 0.4 else None
    word, plural = _determiner(rng, kind, noun, negated, habit)
    people = noun.group in ("role", "young", "transport", "site", "room", "event", "opening")
    if word == "owned":
        return NounPhrase(noun, "the", plural, adjective, owner=owner_of(rng))
    if word == "own" and isinstance(owner, Pronoun) and owner.plural and noun.group in _PERSONAL:
        plural = True  # people have a coat each
    if word == "own":
        return NounPhrase(noun, "the" if people or not owner else owner, plural, adjective)
    no = negated and word in ("a", "any", "")
    return NounPhrase(noun, word, plural, adjective, negated=no)


def _determiner(rng, kind: str, noun: Noun, negated: bool, habit: bool) -> tuple[str, bool]:
    """Returns a determiner (or "own", "owned") and whether the noun is plural."""
    single = noun.group in ("event", "transport", "dish", "home", "site")
    plural = noun.countable and not single and rng.random() < 0.3
    if kind == "bare":
        return "", noun.countable
    if kind == "indefinite" or (kind == "any" and rng.random() < 0.6):
        if single or not (habit or plural):
            return "a", False
        words = [""] if habit else ["", "two", "three", "many", "some"]
        return "any" if negated else rng.choice(words), True
    if kind == "owned":
        return rng.choice(["owned", "own", "own", "the"]), plural
    if kind == "own":
        return rng.choice(["own", "own", "the"]), plural
    return rng.choice(["the"] * 3 + ["this"] * (not habit)), plural
