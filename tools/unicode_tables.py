"""Writes tftransformer/text/unicode.json.xz: the classes of characters and the normal forms.

Expressions that cut texts speak of letters, numbers and white space. RE2, Oniguruma and Python
each bring their own version of Unicode, so what the `tokenizers` package finds is asked of it once,
character by character, and frozen. Run from the root of the repository:
python tools/unicode_tables.py
"""

import unicodedata

import tokenizers
from frozen import CHARACTERS, ranges, write
from tokenizers import Regex, normalizers

CATEGORIES = (
    "Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn"
)
HANGUL = range(0xAC00, 0xD7A4)  # computed, not looked up
VOWELS_AND_ENDS = (range(0x1161, 0x1176), range(0x11A8, 0x11C3))
BELOW, ABOVE = "\u0334", "\u0345"  # marks of the classes 1 and 240


def members(expression):
    """The characters that the reference's expressions find."""
    remove = normalizers.Replace(Regex(expression), "").normalize_str
    return [c for c in CHARACTERS if not remove(c)]


def beside_words():
    """The characters beside which an added token is no word of its own."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.add_tokens([tokenizers.AddedToken("|||", single_word=True, normalized=False)])
    found = tokenizer.encode_batch([f"|||{c}" for c in CHARACTERS])
    return [c for c, x in zip(CHARACTERS, found, strict=True) if "|||" not in x.tokens]


def main():
    classes = {name: ranges(members(rf"\p{{{name}}}")) for name in CATEGORIES.split()}
    classes |= {name: ranges(members(rf"\{name}")) for name in ("s", "d", "w")}
    classes["beside_words"] = ranges(beside_words())
    compose, decompose = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    combining = {}
    for c in CHARACTERS:
        number = unicodedata.combining(c)
        if number and decompose(c) == c:
            # A younger mark is none to the reference.
            moves = decompose(ABOVE + c) != ABOVE + c, decompose(c + BELOW) != c + BELOW
            if any(moves):
                assert moves == (number < 240, number > 1), c
                combining[c] = number
            elif number in (1, 240):
                combining[c] = number
    parts = {c: decompose(c) for c in CHARACTERS if ord(c) not in HANGUL and decompose(c) != c}
    compatible = normalizers.NFKD().normalize_str
    further = {c: compatible(c) for c in CHARACTERS if compatible(c) != decompose(c)}
    pairs = {}
    for c in parts:
        pair = unicodedata.normalize("NFD", c)
        for end in range(1, len(pair)):
            first = compose(pair[:end])
            if len(first) == 1 and compose(first + pair[end]) == compose(pair[: end + 1]):
                made = compose(first + pair[end])
                if len(made) == 1:
                    pairs[first + pair[end]] = made
    content = {
        "tokenizers": tokenizers.__version__,
        "classes": classes,
        "combining": combining,
        "decompositions": parts,
        "compatibility": further,
        "compositions": pairs,
    }
    write(content, "unicode.json.xz")


if __name__ == "__main__":
    main()
