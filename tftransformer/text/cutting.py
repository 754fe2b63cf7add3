"""Texts cut into words by the expressions that tokenizers are written with.

Such an expression is one of Oniguruma's: it looks ahead, and its classes are of its own version of
Unicode. RE2, which TensorFlow has, cannot look ahead and in exchange never takes more than linear
time. So the classes are spelled out from frozen tables, and what looks ahead, the white space
before a word, is marked beforehand.
"""

import re
from collections.abc import Sequence

import tensorflow as tf

from tftransformer.text.unicode import as_class, members, others

MARK = b"\xff"  # a byte that UTF-8 never has
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# All but the last white character before a word; the last one goes with the word or is alone.
BEFORE_WORD = r"\s+(?!\S)|\s+"
LINE_ENDS = (r"\s*[\r\n]+|", r"\s*[\r\n]|")
SHORT = re.compile(r"\\(?:([pP])\{(\^?)(\w+)\}|([sSdDwW]))")


class Cutter(tf.Module):
    """Cuts texts at the matches of regular expressions, one expression after the other.

    Each match is a word, and what stands between two matches is one, too: nothing is lost.

    Args:
        expressions: as Oniguruma reads them, see `translated`.

    Raises:
        ValueError: an expression asks for what RE2 cannot do; it is named.
    """

    def __init__(self, expressions: Sequence[str]):
        super().__init__()
        self._steps = tuple(step for expression in expressions for step in _steps(expression))

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Cuts strings (batch,) of valid UTF-8 into strings (batch, None), none of them empty."""
        for pattern, marked in self._steps:
            texts = tf.strings.regex_replace(texts, pattern, marked)
        words = tf.strings.split(texts, MARK)
        is_word = words.flat_values != b""
        before = tf.concat([[0], tf.cumsum(tf.cast(is_word, tf.int64))], axis=0)
        return tf.RaggedTensor.from_row_splits(
            tf.boolean_mask(words.flat_values, is_word),
            tf.gather(before, words.row_splits),
            validate=False,
        )


def _steps(expression: str) -> list[tuple[str, bytes]]:
    """What to replace by what, so that marks stand around the matches."""
    rest, steps = expression, []
    if BEFORE_WORD in expression:
        rest = expression.replace(BEFORE_WORD, r"\s+")
        # Where line ends are a word with the white space before them, only what is behind counts.
        last = r"[^\S\r\n]" if any(ends in expression for ends in LINE_ENDS) else r"\s"
        steps.append((translated(rf"(\s)({last}\S)"), rb"\1" + MARK + rb"\2"))
    for sign in ("(?=", "(?!", "(?<", "(?>", "++", "*+", "?+", "\\G", "\\K", "\\h", "\\H"):
        if sign in rest:
            raise ValueError(
                f"the expression {expression!r} has {sign!r}; texts are cut by RE2, which can look "
                f"ahead only where {BEFORE_WORD!r} does"
            )
    pattern = translated(rest)
    try:
        tf.strings.regex_replace([""], pattern, "")
    except tf.errors.InvalidArgumentError as error:
        raise ValueError(
            f"RE2 does not take the expression {expression!r}: {error.message}"
        ) from None
    return [*steps, (pattern, MARK + rb"\0" + MARK)]


def translated(expression: str) -> str:
    """The same expression for RE2, with the classes of characters spelled out."""
    made, in_class, place = [], False, 0
    while place < len(expression):
        found = SHORT.match(expression, place)
        if found:
            made.append(_spelled(found, in_class))
            place = found.end()
            continue
        sign = expression[place]
        place += 1
        if sign == "\\":
            sign = expression[place - 1 : place + 1]
            place += 1
            if sign in (r"\p", r"\P"):  # without braces Oniguruma reads the letter itself
                sign = sign[1]
        elif sign == "[" and not in_class:
            in_class = True
        elif sign == "[" or expression.startswith("&&", place - 1):
            raise ValueError(f"the expression {expression!r} has a class within a class")
        elif sign == "]":
            in_class = False
        made.append(sign)
    return "".join(made)


def _spelled(found: re.Match, in_class: bool) -> str:
    sign, negated, name, letter = found.groups()
    stretches = members(name or letter.lower())
    if (sign == "P") != (negated == "^") or (letter or "").isupper():
        stretches = others(stretches)
    return as_class(stretches) if in_class else f"[{as_class(stretches)}]"
