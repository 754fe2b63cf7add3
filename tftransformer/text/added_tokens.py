"""Tokens beside a tokenizer's pieces: those that a text spells out, where they count."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tftransformer.text.unicode import as_class, members
from tftransformer.text.utf8 import with_replacements

MARK = b"\xff"  # a byte that UTF-8 never has
BEHIND = "\U0010fffe"  # no character: stands in front of a part that a token stands before
WHITE = r"[\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
LEFT_OUT = WHITE[:-1] + "Ġ]"  # spelled out, the letter of a space counts as one
Columns = dict[str, tf.RaggedTensor]


@dataclass(frozen=True)
class AddedToken:
    """A token beside the model's pieces, found in the text before anything is cut.

    Attributes:
        content: as it is spelled.
        id: its id.
        special: whether text from people must not become it, and `decode` may leave it out.
        normalized: whether it is looked for in the normalised text, not in the text as given.
        lstrip: whether blanks before it are part of it.
        rstrip: whether blanks behind it are.
        single_word: whether it only counts where a word stands by itself.
    """

    content: str
    id: int
    special: bool = False
    normalized: bool = True
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False


def as_added_tokens(given: Sequence[AddedToken | Mapping[str, Any]]) -> tuple[AddedToken, ...]:
    """Added tokens, which settings in a file write as their attributes by name."""
    return tuple(x if isinstance(x, AddedToken) else AddedToken(**x) for x in given)


def hidden(number: int) -> str:
    """A name that no text spells, for an id that nothing has."""
    return f"\ufffd{number}"


def extended(pieces: Sequence[str], tokens: Sequence[AddedToken]) -> list[str]:
    """The pieces, and behind them the tokens whose ids are larger than theirs."""
    names = list(pieces)
    for token in sorted(tokens, key=lambda token: token.id):
        if token.id >= len(pieces):
            names += map(hidden, range(len(names), token.id))
            names.append(token.content)
    return names


def around_added(
    tokenize: Callable[[tf.Tensor], Columns],
    texts: tf.Tensor,
    tokens: Sequence[AddedToken],
    *,
    takes_one_blank: bool = False,
    ignores_case: bool = False,
    tells_behind: bool = False,
) -> Columns:
    """Tokenizes what stands around added tokens, each of which becomes its id.

    The leftmost token counts, and of several the longest. It is a word of its own, and the blanks
    that it takes along are part of it, as `tokenizers` has it.

    Args:
        tokenize: strings (parts,) to `"ids"` and perhaps `"starts"`, `"ends"` and `"words"`; where
            places leave out blanks, `"blanks_before"` and `"blanks_behind"`, too: how many
            characters at either end of a piece are blanks.
        texts: strings (batch,) of UTF-8. Invalid bytes count as U+FFFD.
        tokens: what to look for.
        takes_one_blank: `lstrip` and `rstrip` take along a single blank, which joined the token to
            a text and is not part of it.
        ignores_case: normalised text is in lower case, so that those tokens that are looked for
            in it count in either case.
        tells_behind: whether `tokenize` is told which parts stand behind a token, by `BEHIND` in
            front of them; it gives no piece for it.

    Returns:
        the columns that `tokenize` returns, with a row for each text.
    """
    if not tokens:
        return tokenize(texts)
    tokens = sorted(tokens, key=lambda token: len(token.content), reverse=True)
    blanks = " ?" if takes_one_blank else f"{WHITE}*"
    spelled = (_pattern(token, blanks, ignores_case) for token in tokens)
    valid = with_replacements(texts)
    marked = tf.strings.regex_replace(valid, f"({'|'.join(spelled)})", MARK + rb"\0" + MARK)
    rows = tf.strings.split(marked, MARK)  # text, token, text, …
    is_added = tf.ragged.range(rows.row_lengths()).flat_values % 2 == 1
    if any(token.single_word for token in tokens):
        rows, is_added = _whole_words(rows, is_added, tokens, ignores_case)
    parts = rows.flat_values
    given = tf.where(is_added, "", parts)
    if tells_behind:
        is_behind = tf.ragged.range(rows.row_lengths()).flat_values > 0
        given = tf.where(is_behind & ~is_added, BEHIND + given, given)
    found = tokenize(given)
    spelling = tf.boolean_mask(parts, is_added)
    ids = tf.gather(
        tf.constant([token.id for token in tokens]), _which(spelling, tokens, ignores_case)
    )
    ones = {"ids": ids}
    if "words" in found:
        begin = _before(tf.ragged.map_flat_values(_characters, rows))
        start = tf.boolean_mask(begin, is_added)
        end = start + _characters(spelling)
        before, behind = (
            _characters(spelling) - _characters(tf.strings.regex_replace(spelling, blank, ""))
            for blank in (f"^{LEFT_OUT}+", f"{LEFT_OUT}+$")
        )
        if takes_one_blank:
            start, end = start + before, end - behind
        ones |= {"starts": start, "ends": end, "words": tf.zeros_like(start)}
        ones |= {"blanks_before": before, "blanks_behind": behind}
    count = tf.size(parts, tf.int64)
    behind = count + tf.cumsum(tf.cast(is_added, tf.int64), exclusive=True)
    order = tf.where(is_added, behind, tf.range(count))
    both = {
        name: tf.gather(tf.concat([column, ones[name][:, None]], axis=0), order)
        for name, column in found.items()
    }
    if "words" in found:
        last = tf.reduce_max(both["words"], axis=1)  # the least number where there is no piece
        words = rows.with_flat_values(tf.maximum(last, -1) + 1)
        both["words"] = _shifted(both["words"], _before(words))
        if tells_behind:
            begin -= tf.cast(is_behind, tf.int32)
        shift = tf.where(is_added, 0, begin)
        both |= {name: _shifted(both[name], shift) for name in ("starts", "ends")}
    return {
        name: tf.RaggedTensor.from_row_splits(
            column.flat_values, tf.gather(column.row_splits, rows.row_splits), validate=False
        )
        for name, column in both.items()
    }


def _pattern(token: AddedToken, blanks: str, ignores_case: bool) -> str:
    """Where the token may stand, as a regular expression."""
    spelling = re.escape(token.content)
    if ignores_case and token.normalized:
        spelling = f"(?i:{spelling})"
    return f"{blanks if token.lstrip else ''}{spelling}{blanks if token.rstrip else ''}"


def _which(found: tf.Tensor, tokens: Sequence[AddedToken], ignores_case: bool) -> tf.Tensor:
    """Of each string with its blanks, the number of its token: int64."""
    spelled = tf.constant([token.content for token in tokens])
    matches, bare = found[:, None] == spelled, _stripped(spelled)
    # A token may itself begin or end with white space.
    as_given = tf.reduce_any(matches, axis=1, keepdims=True)
    matches |= (_stripped(found)[:, None] == bare) & ~as_given
    if ignores_case:
        lower = tf.strings.lower(_stripped(found), "utf-8")[:, None]
        in_lower = tf.constant([token.normalized for token in tokens])
        matches |= (lower == tf.strings.lower(bare, "utf-8")) & in_lower & ~as_given
    return tf.argmax(tf.cast(matches, tf.int32), axis=1)


def _whole_words(
    rows: tf.RaggedTensor, is_added: tf.Tensor, tokens: Sequence[AddedToken], ignores_case: bool
) -> tuple[tf.RaggedTensor, tf.Tensor]:
    """The same parts, but tokens that have to be words and are none are text again."""
    parts, word = rows.flat_values, f"[{as_class(members('beside_words'))}]"
    ends = tf.strings.regex_full_match(parts, f"(?s).*{word}")
    begins = tf.strings.regex_full_match(parts, f"(?s){word}.*")
    # Around a token stand texts; where one is empty, the token behind it is what is next to it.
    is_empty = (parts == "") & ~is_added
    row = rows.value_rowids()
    which = _which(parts, tokens, ignores_case)
    touched = tf.zeros_like(is_added)
    for edge, by, blank, strips in (
        (ends, 1, f"(?s){WHITE}.*", [token.lstrip for token in tokens]),
        (begins, -1, f"(?s).*{WHITE}", [token.rstrip for token in tokens]),
    ):
        beside = tf.where(
            _beside(is_empty, by, row), _beside(edge, 2 * by, row), _beside(edge, by, row)
        )
        # Behind blanks that it takes along, no word touches the token itself.
        apart = tf.gather(tf.constant(strips), which) & tf.strings.regex_full_match(parts, blank)
        touched |= beside & ~apart
    is_whole = tf.gather(tf.constant([token.single_word for token in tokens]), which)
    kept = is_added & ~(is_whole & touched)
    # Texts that stand side by side become one.
    follows = ~kept & _beside(~kept, 1, row)
    number = tf.cumsum(tf.cast(~follows, tf.int64)) - 1
    count = tf.reduce_max(tf.concat([number, [-1]], axis=0)) + 1
    joined = tf.strings.unsorted_segment_join(parts, number, count)
    first = tf.where(~follows)[:, 0]
    made = tf.RaggedTensor.from_value_rowids(
        joined, tf.gather(row, first), nrows=rows.nrows(), validate=False
    )
    return made, tf.gather(kept, first)


def _beside(values: tf.Tensor, by: int, row: tf.Tensor) -> tf.Tensor:
    """Of each part, what is true of the one `by` places before it in its row; False: none there."""
    padding, start = ([by, 0], 0) if by > 0 else ([0, -by], -by)

    def moved(column: tf.Tensor) -> tf.Tensor:
        return tf.pad(column, [padding], constant_values=-1)[start : start + tf.size(row)]

    return (moved(tf.cast(values, tf.int32)) == 1) & (moved(row) == row)


def _stripped(texts: tf.Tensor) -> tf.Tensor:
    return tf.strings.regex_replace(texts, f"^{WHITE}+|{WHITE}+$", "")


def _characters(texts: tf.Tensor) -> tf.Tensor:
    return tf.strings.length(texts, unit="UTF8_CHAR")


def _before(rows: tf.RaggedTensor) -> tf.Tensor:
    """Of each element, the sum of those before it in its row."""
    sums = tf.cumsum(rows.flat_values, exclusive=True)
    first = tf.gather(tf.concat([sums, [0]], axis=0), rows.row_starts())
    return sums - tf.gather(first, rows.value_rowids())


def _shifted(column: tf.RaggedTensor, shift: tf.Tensor) -> tf.RaggedTensor:
    """What is added is given for each row."""
    return column.with_flat_values(column.flat_values + tf.gather(shift, column.value_rowids()))
