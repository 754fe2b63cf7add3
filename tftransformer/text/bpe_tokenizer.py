"""Character BPE: words cut into pieces of characters, as GPT and XLM read them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import tensorflow as tf

from tftransformer.text.added_tokens import AddedToken, as_added_tokens
from tftransformer.text.characters import only_blanks, tables
from tftransformer.text.long_words import LongWords
from tftransformer.text.merging import Merger, Symbols, as_file, from_file, numbered
from tftransformer.text.moses import moses
from tftransformer.text.one_call import in_one_call
from tftransformer.text.registry import register
from tftransformer.text.tokenizer import Tokenizer
from tftransformer.text.words import WordCutter

TEXTS = tf.TensorSpec([None], tf.string)


@register
class BpeTokenizer(Tokenizer):
    """Words as characters, merged into ever longer pieces (Sennrich et al. 2016; GPT, 2018).

    Words are cut as BERT's are: white space parts them, punctuation marks and ideographs are words
    by themselves, control characters vanish; or as XLM's are, by Moses' rules for English texts
    (`text/moses.py`). The last piece of a word bears a suffix. Text does not come back exactly:
    `detokenize` puts one space between words. All is done by operations of TensorFlow itself: a
    SavedModel needs no other package.

    Args:
        pieces: the vocabulary in order of the ids, with the added tokens.
        merges: pairs of pieces, the first to be merged first.
        unk_token: the piece of a character that no piece stands for.
        suffix: what the last piece of a word ends in.
        lower_case: lower-case the text first.
        strip_accents: remove accents first; default: as `lower_case`.
        parts_ideographs: ideographs are words by themselves; by Moses' rules they always are.
        by_moses: words are cut by Moses' rules.
        special_ids: the special tokens by what they are for; default: `"unk"` alone.
        added_tokens: see `Tokenizer`, or their attributes by name; default: none.
        further_tokens: see `Tokenizer`.

    Raises:
        ValueError: the vocabulary lacks the unknown token or what a merge needs.

    Example:
        >>> pieces = ["<unk>", "t", "o", "o</w>", "to</w>"]
        >>> tokenizer = BpeTokenizer(pieces, [("t", "o</w>")])
        >>> tokenizer.tokens(tokenizer.encode(["To two"]).ids.values)
        ['to</w>', 't', '<unk>', 'o</w>']
    """

    vocabulary_file = "bpe.json"
    ends_words = True
    joint = "", " "

    def __init__(
        self,
        pieces: Sequence[str],
        merges: Sequence[tuple[str, str]],
        *,
        unk_token: str = "<unk>",
        suffix: str = "</w>",
        lower_case: bool = True,
        strip_accents: bool | None = None,
        parts_ideographs: bool = True,
        by_moses: bool = False,
        special_ids: Mapping[str, int] | None = None,
        added_tokens: Sequence[AddedToken | Mapping[str, Any]] = (),
        further_tokens: Sequence[str] = (),
    ):
        ids = {piece: number for number, piece in enumerate(pieces)}
        if unk_token not in ids:
            raise ValueError(
                f"the vocabulary ({len(pieces)} pieces) lacks the unknown token {unk_token!r}"
            )
        added_tokens = as_added_tokens(added_tokens)
        special = {token.id for token in added_tokens if token.special}
        spelled = [piece.replace(suffix, " ").encode() for piece in pieces]
        strip_accents = lower_case if strip_accents is None else strip_accents
        super().__init__(
            pieces,
            [b"" if number in special else text for number, text in enumerate(spelled)],
            special_ids=special_ids or {"unk": ids[unk_token]},
            leading_spaces="^",
            added_tokens=added_tokens,
            rewriting=moses(lower_case, strip_accents) if by_moses else (),
            spelled={number: spelled[number] for number in special},
            further_tokens=further_tokens,
        )
        self.merges = tuple((left, right) for left, right in merges)
        self.unk_token, self.suffix = unk_token, suffix
        self.lower_case, self.strip_accents = lower_case, strip_accents
        self.parts_ideographs, self.by_moses = parts_ideographs, by_moses
        kinds = only_blanks() if by_moses else tables(lower_case, strip_accents, parts_ideographs)
        self._words = WordCutter(kinds)
        self._merge = LongWords(Merger(*numbered(self.merges, ids)))
        # A character's id, and another where it ends a word.
        known = {
            2 * ord(piece.removesuffix(suffix)) + piece.endswith(suffix): number
            for piece, number in ids.items()
            if len(piece.removesuffix(suffix)) == 1
        }
        self._letters = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer([*known], [*known.values()], tf.int64, tf.int32),
            ids[unk_token],
        )
        self._in_one_call = in_one_call(self._cut, TEXTS)

    def cut(self, texts: tf.Tensor) -> tf.RaggedTensor:
        splits, ids, *_ = self._in_one_call()(texts)
        return tf.RaggedTensor.from_row_splits(ids, splits, validate=False)

    def cut_with_places(self, texts: tf.Tensor) -> dict[str, tf.RaggedTensor]:
        splits, *columns = self._in_one_call()(texts)
        return {
            name: tf.RaggedTensor.from_row_splits(column, splits, validate=False)
            for name, column in zip(("ids", "starts", "ends", "words"), columns, strict=True)
        }

    def _cut(self, texts: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The splits of the texts, then ids, starts, ends and words."""
        characters, places, row_splits = self._words(texts)
        codes = tf.cast(characters.flat_values, tf.int64)
        rows = tf.cast(characters.value_rowids(), tf.int32)
        is_last = rows != tf.concat([rows[1:], [-1]], axis=0)
        ids = self._letters.lookup(2 * codes + tf.cast(is_last, tf.int64))
        pieces: Symbols = self._merge(ids, rows)
        # Which of the pieces are of which word, and of which text.
        of_word = tf.math.bincount(pieces.rows, minlength=tf.size(characters.row_splits) - 1)
        word_splits = tf.concat([[0], tf.cumsum(tf.cast(of_word, tf.int64))], axis=0)
        splits = tf.gather(word_splits, row_splits)
        ends = tf.concat([pieces.starts, tf.shape(ids)], axis=0)[1:]
        first_word = tf.repeat(tf.cast(row_splits[:-1], tf.int32), splits[1:] - splits[:-1])
        return (
            splits,
            pieces.ids,
            tf.gather(places, pieces.starts),
            tf.gather(places, ends - 1) + 1,
            pieces.rows - first_word,
        )

    def detokenize(self, ids: Any, *, continues: bool = False, **manner: bool) -> tf.Tensor:
        texts = super().detokenize(ids, continues=continues, **manner)
        texts = tf.strings.regex_replace(texts, " $", "")
        # A text that goes on does so behind the last piece of a word, whose space is gone, too.
        return tf.strings.regex_replace(texts, "^(.)", r" \1") if continues else texts

    def vocabulary(self) -> bytes:
        return as_file(self._known, self.merges)

    def get_settings(self) -> dict:
        return {
            "unk_token": self.unk_token,
            "suffix": self.suffix,
            "lower_case": self.lower_case,
            "strip_accents": self.strip_accents,
            "parts_ideographs": self.parts_ideographs,
            "by_moses": self.by_moses,
            "special_ids": dict(self.special_ids),
            "added_tokens": [asdict(token) for token in self._given_tokens],
            **self._further_settings,
        }

    @classmethod
    def from_vocabulary(cls, vocabulary: bytes, settings: dict) -> Self:
        return cls(*from_file(vocabulary), **settings)
