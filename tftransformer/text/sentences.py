"""Sentences, as far as marks and abbreviations tell them, with their places in characters.

Each step puts one character in the place of another, so that places stay what they were.
"""

from collections.abc import Sequence

import tensorflow as tf

from tftransformer.text.white_space import is_white

# Of English and German, each before a full stop that ends no sentence.
ABBREVIATIONS = (
    "Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Gen|Col|Capt|Lt|Sgt|Rep|Sen|Gov|Rev|Hon|Pres|Messrs|vs|viz|cf|al|"
    "approx|bzw|ca|Str|Hr|Hrn|Fr|Frl|Dipl|Ing|evtl|ggf|vgl|Vgl|inkl|geb|gest|sog|Tel|Mio|Mrd|hl|"
    "zzgl"
)
BEFORE_NUMBERS = (
    "No|Nos|Nr|pp|Fig|Figs|Eq|Eqs|Sec|Ch|Vol|Art|Bd|Abs|Kap|Abb|Anm|Jan|Feb|Apr|Jun|Jul|Aug|Sep|"
    "Sept|Oct|Nov|Dec"
)
MONTHS = (
    "Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|"
    "Jahrhundert"
)
_WHITE, _OPEN, _CLOSE = r"[\s\pZ]", r"""["'“‘„«»‚(\[]*""", r"""["'”’“‘»«)\]]*"""
_NO_END = "\x01"  # in the place of a full stop
_BEGIN = r"[\p{Lu}\p{Lt}\p{Lo}\p{Nd}]"
# Abbreviations and single letters but I.
_SHORT = rf"((?:^|[\s\pZ\pP{_NO_END}])(?:{ABBREVIATIONS}|[A-HJ-Za-zÄÖÜ]))\."
_RULES = [
    *[(_SHORT, rf"\1{_NO_END}")] * 2,  # since what follows one is read with it
    (rf"(\b(?:{BEFORE_NUMBERS}))\.({_WHITE}*[(\[]?\p{{Nd}})", rf"\1{_NO_END}\2"),
    # Numbers of a list, and German dates.
    (rf"((?:^|\n){_WHITE}*[0-9]{{1,3}})\.", rf"\1{_NO_END}"),
    (rf"([0-9]{{1,2}})\.({_WHITE}+(?:{MONTHS}))", rf"\1{_NO_END}\2"),
    (r"。([」』”）])", rf"{_NO_END}\1"),
    # A mark, what closes with it, a blank, and what may begin a sentence.
    (rf"([.!?…]{_CLOSE}){_WHITE}({_WHITE}*{_OPEN}{_BEGIN})", "\\1\n\\2"),
]
_ENDS = [ord(character) for character in "\n\r\x0b\x0c\x85\u2028\u2029。！？"]


def sentence_places(texts: tf.Tensor) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
    """Finds sentences, in a graph or eagerly.

    A sentence ends at a full stop, a question or exclamation mark before a blank and a capital
    letter, a digit, or a letter of a script without capitals; at a line break; and at the marks of
    Chinese and Japanese. Full stops of frequent English and German abbreviations, of initials, of
    numbers of a list and of German dates end none.

    Args:
        texts: string tensor (batch,) of UTF-8.

    Returns:
        the first character of each sentence, and one more than the last: int32 ragged tensors
        (batch, None), in order, without the white space between.
    """
    marked = texts
    for pattern, rewrite in _RULES:
        marked = tf.strings.regex_replace(marked, pattern, rewrite)
    characters = tf.strings.unicode_decode(marked, "UTF-8")
    points, begins = characters.flat_values, characters.row_starts()
    ends = tf.reduce_any(points[:, None] == tf.constant(_ENDS), axis=1)
    number = tf.cumsum(tf.cast(ends, tf.int32), exclusive=True)
    kept = tf.where(~is_white(points))[:, 0]
    number, row = tf.gather(number, kept), tf.gather(characters.value_rowids(), kept)
    differs = (number[1:] != number[:-1]) | (row[1:] != row[:-1])
    is_first = tf.concat([tf.ones_like(number[:1], tf.bool), differs], axis=0)
    is_last = tf.concat([differs, tf.ones_like(number[:1], tf.bool)], axis=0)
    row = tf.boolean_mask(row, is_first)
    return tuple(
        tf.RaggedTensor.from_value_rowids(
            tf.cast(tf.boolean_mask(kept, chosen) - tf.gather(begins, row), tf.int32) + more,
            row,
            characters.nrows(),
            validate=False,
        )
        for chosen, more in ((is_first, 0), (is_last, 1))
    )


def sentence_numbers(starts: tf.RaggedTensor, ends: tf.RaggedTensor) -> tf.RaggedTensor:
    """Says in which sentence of its text each piece ends, in a graph or eagerly.

    Args:
        starts: int32 (batch, None), the first character of each sentence.
        ends: int32 (batch, None), one more than the last character of each piece.

    Returns:
        int32 (batch, None), as `ends`.
    """
    wide = tf.reduce_max(tf.concat([starts.flat_values, ends.flat_values, [0]], axis=0))
    wide = tf.cast(wide, tf.int64) + 1
    row = ends.value_rowids()

    def key(row: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        return row * wide + tf.cast(place, tf.int64)

    begun = tf.searchsorted(
        key(starts.value_rowids(), starts.flat_values),
        key(row, tf.maximum(ends.flat_values - 1, 0)),
        side="right",
    )
    number = tf.cast(begun, tf.int64) - 1 - tf.gather(starts.row_starts(), row)
    return ends.with_flat_values(tf.cast(tf.maximum(number, 0), tf.int32))


def sentences(texts: Sequence[str]) -> list[list[str]]:
    """Returns the sentences of each text; see `sentence_places`.

    >>> sentences(["Dr. Who was in. Why? He said: 'Go!' Am 3. Mai kam er."])
    [['Dr. Who was in.', 'Why?', "He said: 'Go!'", 'Am 3. Mai kam er.']]
    """
    if not len(texts):
        return []
    places = [side.to_list() for side in sentence_places(tf.constant(list(texts), tf.string))]
    return [
        [text[start:end] for start, end in zip(*own, strict=True)]
        for text, *own in zip(texts, *places, strict=True)
    ]
