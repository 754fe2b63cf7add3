"""Writes tftransformer/text/bert_characters.json.xz: what BERT's reference does to each character.

Python, ICU, RE2 and Rust each bring their own version of Unicode. So that ids and places stay the
same wherever they are computed, what the `tokenizers` package does is asked of it once, character
by character, and frozen. Run from the root of the repository: python tools/bert_characters.py
"""

import unicodedata

import tokenizers
from frozen import CHARACTERS, ranges, write
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

LETTER = "x"


def ask(**options):
    """What the normaliser makes of each character, between two letters."""
    off = dict.fromkeys(("clean_text", "handle_chinese_chars", "strip_accents", "lowercase"), False)
    normalize = BertNormalizer(**off | options).normalize_str
    return {c: normalize(LETTER + c + LETTER)[1:-1] for c in CHARACTERS}


def main():
    clean, chinese = ask(clean_text=True), ask(handle_chinese_chars=True)
    stripped, lower = ask(strip_accents=True), ask(lowercase=True)
    words = BertPreTokenizer().pre_tokenize_str
    cut = {c: [word for word, _ in words(LETTER + c + LETTER)] for c in CHARACTERS}
    spaces = {c for c in CHARACTERS if clean[c] == " " or cut[c] == [LETTER, LETTER]}
    alone = {c for c in CHARACTERS if chinese[c] == f" {c} " or cut[c] == [LETTER, c, LETTER]}
    deleted = {c for c in CHARACTERS if clean[c] == ""}
    spaces -= deleted  # they are gone before words are cut
    for c in CHARACTERS:
        assert clean[c] in ("", " ", c), c
        assert chinese[c] in (c, f" {c} "), c
        both = "".join(lower[x] for x in stripped[c]) if c not in deleted else ""
        for made in (stripped[c], lower[c], both):
            kinds = {(x in alone, x in spaces) for x in made}
            assert len(made) <= 3, c
            assert len(made) == 1 or kinds <= {(False, False)}, c
            if made and c not in spaces and c not in deleted:
                assert (c in alone and chinese[c] != c) <= (made in alone), c
                assert made not in spaces, c
    # Marks that a normal form may reorder, though nobody strips them.
    moved = {
        c for c in CHARACTERS if any(unicodedata.combining(x) and stripped[x] for x in stripped[c])
    }
    content = {
        "tokenizers": tokenizers.__version__,
        "deleted": ranges(deleted),
        "space": ranges(spaces),
        "alone": ranges(alone),
        "ideographs": ranges(c for c in alone if chinese[c] != c),
        "moved": ranges(moved),
        "stripped": {c: made for c, made in stripped.items() if made != c},
        "lower": {c: made for c, made in lower.items() if made != c},
    }
    write(content, "bert_characters.json.xz")


if __name__ == "__main__":
    main()
