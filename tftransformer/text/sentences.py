"""Sentences, as far as full stops tell them."""

import re

# Behind a mark of an end and what closes with it, before a blank and what begins a sentence.
_END = re.compile(r"""(?<=[.!?…])["'”’)\]]*\s+(?=["'“‘(\[]*[A-ZÄÖÜ0-9])|\n+""")


def first_sentences(text: str, most: int | None = None) -> list[str]:
    """Returns the first sentences of a text, all of them without `most`.

    A sentence ends at a full stop, a question or exclamation mark before a blank and a capital
    letter or a digit, and at a line break. Abbreviations end one, too.

    >>> first_sentences("It rained. We stayed in! Why not?", most=2)
    ['It rained.', 'We stayed in!']
    """
    parts = [part.strip() for part in _END.split(text)]
    return [part for part in parts if part][:most]
