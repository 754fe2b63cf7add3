"""Entities as spans of words, and the tags that write them down."""

import bisect
from collections.abc import Iterable, Sequence
from typing import Any

from tftransformer.core.checks import check_choice

# A type and the words that it covers, half open: ("PER", 0, 2) is the first two words.
Span = tuple[str, int, int]

# What may stand before the type in each scheme.
PREFIXES = {"IOB1": "BI", "IOB2": "BI", "IOBES": "BIES", "BIOES": "BIES"}
SCHEMES = (*PREFIXES, "plain")
MODES = ("lenient", "strict")


def tags_to_spans(
    tags: Sequence[str], *, mode: str = "lenient", scheme: str | None = None
) -> list[Span]:
    """Reads the entities of a sentence from its tags.

    A tag is "O", or a prefix and a type ("B-PER"; "B" alone has the type "_"). Leniently, a tag
    goes on with the entity before it if both have the same type, it begins with I or E and the one
    before with B or I; any other tag but "O" begins one. Strictly, what is not well formed is no
    entity:

    - IOB2: B, then any number of I of its type.
    - IOBES: S alone, or B, any number of I, and E, of one type.
    - IOB1 (Ramshaw & Marcus 1995): I begins an entity, too; B only parts one from another of the
      same type before it.
    - plain: tags are bare types, and equal neighbours are one entity, in either mode.

    Args:
        tags: a tag for each word.
        mode: "lenient" or "strict".
        scheme: "IOB1", "IOB2", "IOBES", "BIOES" (the same) or "plain"; "lenient" can do without.

    Returns:
        (type, start, end) of each entity, in order: words from `start` up to, without, `end`.

    Raises:
        ValueError: if a tag is not of the scheme, or mode or scheme are unknown.

    Example:
        >>> tags_to_spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])
        [('PER', 0, 2), ('LOC', 3, 4), ('LOC', 4, 5)]
        >>> tags_to_spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"], mode="strict", scheme="IOB2")
        [('PER', 0, 2), ('LOC', 4, 5)]
    """
    _check_names(mode, scheme)
    if isinstance(tags, str):
        raise ValueError(f"tags={tags!r}: expected a list of tags, not a string.")
    parts = [_parts(tag, scheme, word) for word, tag in enumerate(tags)]
    return _lenient(parts) if mode == "lenient" or scheme == "plain" else _strict(parts, scheme)


def spans_to_tags(spans: Iterable[Span], length: int, *, scheme: str = "IOB2") -> list[str]:
    """Writes the entities of a sentence as tags; the reverse of `tags_to_spans`.

    Args:
        spans: (type, start, end), which do not overlap.
        length: number of words.
        scheme: "IOB1", "IOB2", "IOBES", "BIOES" or "plain".

    Raises:
        ValueError: if a span is empty, outside the sentence, without a type or overlaps another,
            or if two of one type touch in the scheme "plain", which could not tell them apart.

    Example:
        >>> spans_to_tags([("PER", 0, 2), ("LOC", 3, 4)], 4, scheme="IOBES")
        ['B-PER', 'E-PER', 'O', 'S-LOC']
    """
    _check_names("strict", scheme)
    tags = ["O"] * length
    before: Span = ("", -1, -1)
    for span in sorted(spans, key=lambda span: span[1:]):
        kind, start, end = span
        if not 0 <= start < end <= length:
            raise ValueError(f"Span {span!r} is empty or outside the {length} words.")
        if not kind or (scheme == "plain" and kind == "O"):
            raise ValueError(f"Span {span!r} has no type, or one that means none.")
        if start < before[2]:
            raise ValueError(f"Spans {before!r} and {span!r} overlap.")
        touches = before[0] == kind and before[2] == start
        if touches and scheme == "plain":
            raise ValueError(f"Plain tags cannot tell {before!r} from {span!r}, which follows.")
        tags[start:end] = _tags_of(kind, end - start, scheme, touches)
        before = span
    return tags


def spans_on_words(
    spans: Iterable[tuple[int, int, Any]], places: Sequence[tuple[int, int]]
) -> list[tuple[Any, int, int]]:
    """Turns spans of characters into spans of the words that they touch.

    Args:
        spans: (start, end, type), half open.
        places: (start, end) of each word, in order. A word is of the first span that touches it.

    Returns:
        (type, start, end) in words, half open, in order; a span without a word of its own is left
        out.

    Example:
        >>> spans_on_words([(0, 2, "PER"), (2, 3, "LOC"), (8, 9, "LOC")], [(0, 4), (5, 9)])
        [('PER', 0, 1), ('LOC', 1, 2)]
    """
    found: list[tuple[Any, int, int]] = []
    for start, end, kind in sorted(spans, key=lambda span: span[:2]):
        first = bisect.bisect_right(places, start, key=lambda place: place[1])
        last = bisect.bisect_left(places, end, key=lambda place: place[0])
        first = max(first, found[-1][2]) if found else first
        if first < last:
            found.append((kind, first, last))
    return found


def scheme_of(rows: Iterable[Sequence[str]]) -> str:
    """Recognises the scheme of tags.

    Tags without any prefix are plain. E or S make it BIOES. Of B and I alone it is IOB1 if every B
    parts an entity from one of the same type right before it, else IOB2.

    Args:
        rows: the tags of several sentences.

    Raises:
        ValueError: some tags have prefixes and others none, or prefixes are unknown.

    Example:
        >>> scheme_of([["I-PER", "I-PER", "B-PER", "O"]]), scheme_of([["B-PER", "I-PER"]])
        ('IOB1', 'IOB2')
    """
    prefixes, parts = set(), True
    for row in rows:
        before = "O"
        for tag in row:
            prefix, dash, kind = str(tag).partition("-")
            is_prefixed = bool(dash and kind) and len(prefix) == 1 and prefix.isupper()
            prefixes.add("O" if tag == "O" else prefix if is_prefixed else "")
            parts &= prefix != "B" or before.partition("-")[1:] == ("-", kind)
            before = str(tag)
    prefixes -= {"O"}
    if prefixes <= {""}:
        return "plain"
    if not prefixes <= {*"BIES"}:
        odd = sorted(prefixes - {*"BIES"})[0]
        what = f"the prefix {odd!r}" if odd else "no prefix"
        raise ValueError(
            f"some tags have {what}, others one of B, I, E, S: say which scheme it is, one of "
            f"{', '.join(SCHEMES)}."
        )
    if prefixes & {"E", "S"}:
        return "BIOES"
    return "IOB1" if parts else "IOB2"


def tag_parts(tag: str, prefixed: bool) -> tuple[str, str]:
    """Prefix and type in the name of a tag; one without a prefix goes on as I does.

    >>> tag_parts("B-PER", prefixed=True), tag_parts("O", prefixed=True)
    (('B', 'PER'), ('I', 'O'))
    """
    prefix, dash, kind = tag.partition("-")
    if prefixed and dash and kind and prefix in tuple("BIES"):
        return prefix, kind
    return "I", tag


def _tags_of(kind: str, length: int, scheme: str, touches: bool) -> list[str]:
    """The tags of one entity; `touches`: whether one of its type stands right before it."""
    if scheme == "plain":
        return [kind] * length
    prefixes = ["I"] * length
    if scheme != "IOB1" or touches:
        prefixes[0] = "B"
    if scheme in ("IOBES", "BIOES"):
        prefixes[-1] = "E" if length > 1 else "S"
    return [f"{prefix}-{kind}" for prefix in prefixes]


def _check_names(mode: str, scheme: str | None) -> None:
    check_choice(MODES, mode=mode)
    if scheme not in SCHEMES and (scheme is not None or mode == "strict"):
        needed = "" if mode == "lenient" else ", which mode='strict' needs"
        raise ValueError(
            f"scheme={scheme!r} was given; expected one of {', '.join(SCHEMES)}{needed}."
        )


def _parts(tag: str, scheme: str | None, word: int) -> tuple[str, str]:
    """Prefix and type of a tag."""
    if tag == "O":
        return "O", ""
    if scheme == "plain":
        if isinstance(tag, str) and tag:
            return "I", tag  # equal neighbours go on, which is what I means
        raise ValueError(f"Tag {tag!r} of word {word}: expected 'O' or a type.")
    prefixes = PREFIXES[scheme or "IOBES"]
    if isinstance(tag, str):
        prefix, dash, kind = tag.partition("-")
        if len(prefix) == 1 and prefix in prefixes and bool(dash) == bool(kind):
            return prefix, kind or "_"
    raise ValueError(
        f"Tag {tag!r} of word {word}: expected 'O', or one of {', '.join(prefixes)} with a type, "
        f"such as 'B-PER' (scheme {scheme})."
    )


def _lenient(parts: Sequence[tuple[str, str]]) -> list[Span]:
    spans: list[Span] = []
    before = ("O", "")
    for word, (prefix, kind) in enumerate(parts):
        if prefix != "O":
            goes_on = prefix in "IE" and before[0] in ("B", "I") and before[1] == kind
            start = spans.pop()[1] if goes_on else word
            spans.append((kind, start, word + 1))
        before = (prefix, kind)
    return spans


def _strict(parts: Sequence[tuple[str, str]], scheme: str | None) -> list[Span]:
    spans: list[Span] = []
    word, before = 0, ("O", "")
    while word < len(parts):
        prefix, kind = parts[word]
        end = word + 1
        if _begins(prefix, kind, before, scheme):
            if prefix != "S":
                while end < len(parts) and parts[end] in (("I", kind), ("E", kind)):
                    end += 1
                    if parts[end - 1][0] == "E":
                        break
            if _is_whole(parts, end, scheme):
                spans.append((kind, word, end))
        before = parts[end - 1]
        word = end
    return spans


def _begins(prefix: str, kind: str, before: tuple[str, str], scheme: str | None) -> bool:
    if scheme == "IOB1" and prefix == "B":
        return before[0] != "O" and before[1] == kind
    return prefix in ("I", "B") if scheme == "IOB1" else prefix in ("B", "S")


def _is_whole(parts: Sequence[tuple[str, str]], end: int, scheme: str | None) -> bool:
    """Whether an entity that was read up to `end` is well formed there."""
    last, following = parts[end - 1], parts[end] if end < len(parts) else ("O", "")
    if scheme in ("IOBES", "BIOES"):
        return last[0] in ("E", "S")
    # IOB1: B parts equal types alone.
    other = last[1] != following[1]
    return not (scheme == "IOB1" and following[0] == "B" and last[0] == "B" and other)
