"""Special tokens that a text spells out, where they are asked for."""

import re
from collections.abc import Callable, Mapping

import tensorflow as tf

from tftransformer.text.utf8 import with_replacements

MARK = b"\xff"  # a byte that UTF-8 never has
Columns = dict[str, tf.RaggedTensor]


def around_special(
    tokenize: Callable[[tf.Tensor], Columns],
    texts: tf.Tensor,
    special: Mapping[str, int],
    *,
    takes_blank_behind: bool,
) -> Columns:
    """Tokenizes what stands around special tokens, each of which becomes its id.

    A token takes the blank before it along, and the one behind where the tokenizer itself puts a
    blank in front of what follows. It is a word of its own.

    Args:
        tokenize: strings (parts,) to `"ids"` and perhaps `"starts"`, `"ends"` and `"words"`.
        texts: strings (batch,) of UTF-8. Invalid bytes count as U+FFFD.
        special: ids by name.
        takes_blank_behind: see above.

    Returns:
        the columns that `tokenize` returns, with a row for each text.
    """
    if not special:
        return tokenize(texts)
    names = sorted(special, key=len, reverse=True)
    pattern = f" ?(?:{'|'.join(map(re.escape, names))}){' ?' if takes_blank_behind else ''}"
    valid = with_replacements(texts)
    marked = tf.strings.regex_replace(valid, pattern, MARK + rb"\0" + MARK)
    rows = tf.strings.split(marked, MARK)
    parts = rows.flat_values
    bare = tf.strings.strip(parts)
    matches = bare[:, None] == tf.constant(names)
    is_special = tf.reduce_any(matches, axis=1)
    which = tf.argmax(tf.cast(matches, tf.int32), axis=1)
    found = tokenize(tf.where(is_special, "", parts))
    ones = {"ids": tf.gather(tf.constant([special[name] for name in names]), which)}
    if "words" in found:
        begin = _places_of_parts(rows)
        start = begin + tf.cast(tf.strings.substr(parts, 0, 1) == " ", tf.int32)
        ones |= {"starts": start, "ends": start + _characters(bare), "words": tf.zeros_like(start)}
    count = tf.size(parts, tf.int64)
    order = tf.range(count) + tf.where(is_special, count, 0)
    both = {
        name: tf.gather(tf.concat([column, ones[name][:, None]], axis=0), order)
        for name, column in found.items()
    }
    if "words" in found:
        last = tf.reduce_max(both["words"], axis=1)  # the least number where there is no piece
        words = rows.with_flat_values(tf.maximum(last, -1) + 1)
        both["words"] = _shifted(both["words"], _before(words))
        shift = tf.where(is_special, 0, begin)
        both |= {name: _shifted(both[name], shift) for name in ("starts", "ends")}
    return {
        name: tf.RaggedTensor.from_row_splits(
            column.flat_values, tf.gather(column.row_splits, rows.row_splits), validate=False
        )
        for name, column in both.items()
    }


def _characters(texts: tf.Tensor) -> tf.Tensor:
    return tf.strings.length(texts, unit="UTF8_CHAR")


def _places_of_parts(rows: tf.RaggedTensor) -> tf.Tensor:
    """Of each part, the number of its first character in its text: int32."""
    return _before(tf.ragged.map_flat_values(_characters, rows))


def _before(rows: tf.RaggedTensor) -> tf.Tensor:
    """Of each element, the sum of those before it in its row."""
    sums = tf.cumsum(rows.flat_values, exclusive=True)
    first = tf.gather(tf.concat([sums, [0]], axis=0), rows.row_starts())
    return sums - tf.gather(first, rows.value_rowids())


def _shifted(column: tf.RaggedTensor, shift: tf.Tensor) -> tf.RaggedTensor:
    """What is added is given for each row."""
    return column.with_flat_values(column.flat_values + tf.gather(shift, column.value_rowids()))
