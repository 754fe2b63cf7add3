"""Sentences that tests learn tokenizers from, and a vocabulary that is learnt already."""

import itertools

_WHATS = ("einen großen Baum", "die grüne Tür", "three old houses", "viel Süßes")


def _sentences(who, does, marks):
    parts = itertools.product(who, does, _WHATS, marks)
    return [f"{who} {does} {what}{mark}" for who, does, what, mark in parts]


FEW = _sentences(
    ("Der Hund", "Das Mädchen", "A tall man", "Nobody we know"),
    ("sieht", "isn't selling", "möchte auch"),
    ".",
)
MANY = _sentences(
    ("Der Hund", "Die Katze", "Das Mädchen", "A tall man", "Nobody we know"),
    ("sieht", "kauft heute", "isn't selling", "möchte auch"),
    (".", "!", "?", ", oder"),
)

# A WordPiece vocabulary of single letters, with BERT's special tokens.
LETTERS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"abcdefgh",
    *(f"##{x}" for x in "abcdefgh"),
]
