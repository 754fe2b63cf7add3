"""Porter's stemmer, with the amendments that ROUGE's reference uses."""

import re
from functools import lru_cache

# Words whose stem is not what the rules make of them.
IRREGULAR = {
    "sky": "sky",
    "skies": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    "news": "news",
    "innings": "inning",
    "inning": "inning",
    "outings": "outing",
    "outing": "outing",
    "cannings": "canning",
    "canning": "canning",
    "howe": "howe",
    "proceed": "proceed",
    "exceed": "exceed",
    "succeed": "succeed",
}
# Endings and what replaces them where the rest has a measure above 0; the first that fits counts.
SECOND = (
    "ational:ate tional:tion enci:ence anci:ance izer:ize bli:ble alli:al entli:ent eli:e "
    "ousli:ous ization:ize ation:ate ator:ate alism:al iveness:ive fulness:ful ousness:ous "
    "aliti:al iviti:ive biliti:ble fulli:ful"
)
THIRD = "icate:ic ative: alize:al iciti:ic ical:ic ful: ness:"
# Endings that go where the rest has a measure above 1.
FOURTH = "al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize"


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Cuts the endings off a lower-case English word.

    Porter 1980, *An algorithm for suffix stripping*, with the amendments of NLTK's default mode,
    which rouge-score uses: words of one or two letters stay, a table of irregular words, `-ies` and
    `-ied` of four letters keep their e, y becomes i after any consonant but the first letter.

    Example:
        >>> [stem(word) for word in ("relational", "hopping", "ponies", "dying", "enjoy")]
        ['relat', 'hop', 'poni', 'die', 'enjoy']
    """
    if word in IRREGULAR:
        return IRREGULAR[word]
    if len(word) <= 2:
        return word
    for step in (_plural, _past, _final_y, _double_suffix, _third, _fourth, _final_e, _final_l):
        word = step(word)
    return word


def _shape(word: str) -> str:
    """c for each consonant and v for each vowel; y is a vowel after a consonant."""
    letters: list[str] = []
    for letter in word:
        vowel = letter in "aeiou" or (letter == "y" and letters[-1:] == ["c"])
        letters.append("v" if vowel else "c")
    return "".join(letters)


def _measure(stem: str) -> int:
    """The paper's m: how often a consonant follows a vowel."""
    return _shape(stem).count("vc")


def _is_short(stem: str) -> bool:
    """The paper's *o: consonant, vowel, consonant but w, x and y; or just vowel and consonant."""
    shape = _shape(stem)
    return shape == "vc" or (shape.endswith("cvc") and stem[-1] not in "wxy")


def _plural(word: str) -> str:
    if word.endswith("ies"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _past(word: str) -> str:
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) else word
    ending = re.search("(ed|ing)$", word)
    if not ending or "v" not in _shape(word[: ending.start()]):
        return word
    word = word[: ending.start()]
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if len(word) > 1 and word[-1] == word[-2] and _shape(word)[-1] == "c":
        return word if word[-1] in "lsz" else word[:-1]
    return word + "e" if _measure(word) == 1 and _is_short(word) else word


def _final_y(word: str) -> str:
    if word.endswith("y") and len(word) > 2 and _shape(word[:-1])[-1] == "c":
        return word[:-1] + "i"
    return word


def _replaced(word: str, rules: str) -> str:
    """The word after the first rule whose ending it has, if the rest has a measure above 0."""
    for rule in rules.split():
        ending, new = rule.split(":")
        if word.endswith(ending):
            rest = word[: -len(ending)]
            return rest + new if _measure(rest) else word
    return word


def _double_suffix(word: str) -> str:
    if word.endswith("alli") and _measure(word[:-4]):
        return _double_suffix(word[:-2])
    if word.endswith("logi"):
        return word[:-1] if _measure(word[:-3]) else word
    return _replaced(word, SECOND)


def _third(word: str) -> str:
    return _replaced(word, THIRD)


def _fourth(word: str) -> str:
    for ending in FOURTH.split():
        if word.endswith(ending):
            rest = word[: -len(ending)]
            fits = _measure(rest) > 1 and (ending != "ion" or rest[-1] in "st")
            return rest if fits else word
    return word


def _final_e(word: str) -> str:
    if word.endswith("e"):
        rest = word[:-1]
        measure = _measure(rest)
        if measure > 1 or (measure == 1 and not _is_short(rest)):
            return rest
    return word


def _final_l(word: str) -> str:
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word
