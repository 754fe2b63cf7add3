"""Names of languages in front of texts, as in `>>deu<< Hello`: Marian's manner."""

import tensorflow as tf

CODE = r"(?:>>(?-s:.+)<<)"


def without_codes(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The codes of languages with which texts begin, and the texts without any."""
    has_code = tf.strings.regex_full_match(texts, f"(?s){CODE}.*")
    codes = tf.strings.regex_replace(texts, f"(?s)^({CODE}).*$", r"\1")
    return tf.where(has_code, codes, ""), tf.strings.regex_replace(texts, CODE, "")


def behind_codes(
    ids: tf.RaggedTensor, codes: tf.Tensor, given: tf.Tensor, rows: dict[str, tf.RaggedTensor]
) -> dict[str, tf.RaggedTensor]:
    """Pieces and places with those of the code before them."""
    length = tf.strings.length(codes, unit="UTF8_CHAR")[:, None]
    is_there = (codes != "")[:, None]
    ends = tf.ragged.boolean_mask(length, is_there)
    starts, shift = tf.zeros_like(ends), tf.cast(is_there, tf.int32)
    moved = {"starts": rows["starts"] + length, "ends": rows["ends"] + length}
    moved |= {"ids": rows["ids"], "words": rows["words"] + shift}
    before = {"ids": ids, "starts": starts, "ends": ends, "words": starts}
    return {name: tf.concat([before[name], moved[name]], axis=1) for name in rows}
