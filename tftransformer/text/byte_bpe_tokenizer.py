"""Byte-level BPE: words cut into pieces of bytes, as GPT-2, RoBERTa, BART and Llama 3 read them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import tensorflow as tf

from tftransformer.core import check_choice
from tftransformer.text.added_tokens import AddedToken, as_added_tokens
from tftransformer.text.cutting import GPT2, Cutter
from tftransformer.text.long_words import LongWords
from tftransformer.text.merging import Merger, as_file, from_file, numbered
from tftransformer.text.normal_form import NormalForm
from tftransformer.text.one_call import in_one_call
from tftransformer.text.registry import register
from tftransformer.text.tokenizer import Tokenizer
from tftransformer.text.utf8 import with_replacements


def byte_letters() -> dict[str, int]:
    """The letter that stands for each byte in a vocabulary, and the byte.

    Bytes that are visible in Latin-1 stand for themselves, the others for letters from U+0100 on.
    """
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(0x100) if byte not in visible]
    letters = {chr(byte): byte for byte in visible}
    return letters | {chr(0x100 + place): byte for place, byte in enumerate(hidden)}


LETTERS = byte_letters()
SPACE = "Ġ"
TEXTS = tf.TensorSpec([None], tf.string)


@register
class ByteBpeTokenizer(Tokenizer):
    """Words as bytes, merged into ever longer pieces (Radford et al. 2019, §2.2).

    Every text has ids, and they give it back. All is done by operations of TensorFlow itself: a
    SavedModel needs no other package.

    Args:
        pieces: the vocabulary in order of the ids, each byte as a letter (a space is `Ġ`), and the
            added tokens as they are spelled. The 256 bytes have to be there.
        merges: pairs of pieces, the first to be merged first.
        expressions: what cuts a text into words, one expression after the other; default: GPT-2's.
            See `tftransformer.text.cutting.Cutter`; Llama 3's is `LLAMA3` there.
        normalization: `"nfc"` brings texts into that normal form first; None leaves them alone.
        add_prefix_space: put a space in front of a text that begins with none.
        trim_offsets: the places of a piece leave out the spaces at its ends.
        keep_first_space: with `trim_offsets`, a single space at the start of the text stays.
        ignore_merges: a word that is a piece is that piece, whatever its merges make of it.
        special_ids: the special tokens by what they are for.
        added_tokens: see `Tokenizer`, or their attributes by name; default: none.
        further_tokens: see `Tokenizer`.

    Raises:
        ValueError: the vocabulary lacks a byte or what a merge needs, or an expression cannot be
            followed.

    Example:
        >>> from tftransformer.text.byte_bpe_tokenizer import LETTERS
        >>> tokenizer = ByteBpeTokenizer([*LETTERS, "Ġm", "Ġme"], [("Ġ", "m"), ("Ġm", "e")])
        >>> tokenizer.tokens(tokenizer.encode(["to me"]).ids.values)
        ['t', 'o', 'Ġme']
    """

    vocabulary_file = "bpe.json"

    def __init__(
        self,
        pieces: Sequence[str],
        merges: Sequence[tuple[str, str]],
        *,
        expressions: Sequence[str] = (GPT2,),
        normalization: str | None = None,
        add_prefix_space: bool = False,
        trim_offsets: bool = True,
        keep_first_space: bool | None = None,
        ignore_merges: bool = False,
        special_ids: Mapping[str, int] | None = None,
        added_tokens: Sequence[AddedToken | Mapping[str, Any]] = (),
        further_tokens: Sequence[str] = (),
    ):
        check_choice((None, "nfc"), normalization=normalization)
        ids = {piece: number for number, piece in enumerate(pieces)}
        added_tokens = as_added_tokens(added_tokens)
        special = {token.id for token in added_tokens if token.special}
        lacking = [letter for letter in LETTERS if letter not in ids]
        if lacking:
            raise ValueError(
                f"the vocabulary ({len(pieces)} pieces) lacks the bytes {lacking[:5]}; byte-level "
                "BPE needs all 256"
            )
        spelled = [_bytes(piece) for piece in pieces]
        super().__init__(
            pieces,
            [b"" if number in special else text for number, text in enumerate(spelled)],
            special_ids=special_ids or {},
            leading_spaces="^",
            added_tokens=added_tokens,
            spelled={number: spelled[number] for number in special},
            further_tokens=further_tokens,
        )
        self.merges = tuple((left, right) for left, right in merges)
        self.expressions = tuple(expressions)
        self.normalization = normalization
        self.add_prefix_space = add_prefix_space
        self.trim_offsets = trim_offsets
        self.keep_first_space = add_prefix_space if keep_first_space is None else keep_first_space
        self.ignore_merges = ignore_merges
        self._normal_form = NormalForm() if normalization else None
        self._cutter = Cutter(self.expressions)
        self._merge = LongWords(Merger(*numbered(self.merges, ids)))
        order = sorted(LETTERS, key=LETTERS.__getitem__)
        self._bytes = tf.constant([ids[letter] for letter in order], tf.int32)
        self._lengths = tf.constant([len(text) for text in spelled], tf.int32)
        self._blanks = {
            name: tf.constant([_count_blanks(piece[::step]) for piece in pieces], tf.int32)
            for name, step in (("blanks_before", 1), ("blanks_behind", -1))
        }
        self._whole = self._whole_words(spelled, {token.id for token in added_tokens})
        self._cut_once, self._place_once = (
            in_one_call(function, TEXTS) for function in (self._cut, self._place)
        )

    def _whole_words(self, spelled: Sequence[bytes], added: set[int]) -> tf.lookup.StaticHashTable:
        """The words that are one piece."""
        known = [
            number
            for number, piece in enumerate(self._known)
            if number not in added and all(letter in LETTERS for letter in piece)
        ]
        words = [spelled[number] for number in known]
        if not self.ignore_merges:
            cut = self._merged(tf.constant(words))
            alone = (cut.row_lengths() == 1).numpy()
            known = [number for number, is_alone in zip(known, alone, strict=True) if is_alone]
        table = tf.lookup.KeyValueTensorInitializer(
            tf.constant([spelled[number] for number in known], tf.string),
            tf.constant(known, tf.int32),
        )
        return tf.lookup.StaticHashTable(table, -1)

    def cut(self, texts: tf.Tensor) -> tf.RaggedTensor:
        ids, word_splits, row_splits = self._cut_once()(texts)
        return tf.RaggedTensor.from_row_splits(
            ids, tf.gather(word_splits, row_splits), validate=False
        )

    def cut_with_places(self, texts: tf.Tensor) -> dict[str, tf.RaggedTensor]:
        splits, ids, *columns = self._place_once()(texts)
        found = dict(zip(("starts", "ends", "words"), columns, strict=True)) | {"ids": ids}
        if self.trim_offsets:
            found |= {name: tf.gather(blanks, ids) for name, blanks in self._blanks.items()}
        return {
            name: tf.RaggedTensor.from_row_splits(column, splits, validate=False)
            for name, column in found.items()
        }

    def tokenize_with_places(
        self, texts: Any, *, allow_special: bool = False
    ) -> dict[str, tf.RaggedTensor]:
        found = super().tokenize_with_places(texts, allow_special=allow_special)
        if not self.trim_offsets:
            return found
        starts, ends = (found[name].flat_values for name in ("starts", "ends"))
        before, behind = (found.pop(name).flat_values for name in self._blanks)
        if self.keep_first_space:
            before = tf.where((starts == 0) & (before == 1), 0, before)
        starts = tf.minimum(starts + before, ends)
        ends = tf.where(ends >= behind, tf.maximum(ends - behind, starts), ends)
        return found | {
            name: found[name].with_flat_values(column)
            for name, column in (("starts", starts), ("ends", ends))
        }

    def _cut(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The pieces, which of them are of which word, and which words are of which text."""
        texts = with_replacements(texts)
        if self._normal_form is not None:
            texts = self._normal_form(texts).texts
        return self._cut_prepared(self._prepared(texts))

    def _cut_prepared(self, texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        words = self._cutter(texts)
        distinct, number = tf.unique(words.flat_values, tf.int64)
        whole = self._whole.lookup(distinct)
        is_whole = whole >= 0
        cut = self._merged(tf.boolean_mask(distinct, ~is_whole))
        # The pieces of the distinct words: those of one piece, then the others.
        both = tf.concat([whole, cut.flat_values], axis=0)
        count = tf.size(whole, tf.int64)
        other = tf.cumsum(tf.cast(~is_whole, tf.int64), exclusive=True)
        splits = tf.concat([cut.row_splits, [0]], axis=0)  # so that there is always one behind
        start = tf.where(is_whole, tf.range(count), count + tf.gather(splits, other))
        length = tf.gather(splits, other + 1) - tf.gather(splits, other)
        length = tf.where(is_whole, tf.ones_like(length), length)
        length, start = tf.gather(length, number), tf.gather(start, number)
        word_splits = tf.concat([[0], tf.cumsum(length)], axis=0)
        shift = tf.repeat(start - word_splits[:-1], length)
        ids = tf.gather(both, tf.range(word_splits[-1]) + shift)
        return ids, word_splits, words.row_splits

    def _place(self, texts: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The splits of the texts, then ids, starts, ends and words."""
        texts = with_replacements(texts)
        source = None
        if self._normal_form is not None:
            texts, source = self._normal_form(texts)
        prepared = self._prepared(texts)
        ids, word_splits, row_splits = self._cut_prepared(prepared)
        splits = tf.gather(word_splits, row_splits)
        text = tf.repeat(tf.range(tf.size(texts)), splits[1:] - splits[:-1])
        starts, ends = self._characters(prepared, ids, text)
        if self.add_prefix_space:
            # The space that was put in front stands where the first character does.
            shift = tf.cast(tf.gather(self._lacks_space(texts), text), tf.int32)
            starts, ends = tf.maximum(starts - shift, 0), tf.maximum(ends - shift, 1)
        if source is not None:
            base = tf.gather(tf.cast(source.row_starts(), tf.int32), text)
            starts = tf.gather(source.flat_values, base + starts)
            ends = tf.gather(source.flat_values, base + ends - 1) + 1
        word = tf.repeat(tf.range(tf.size(word_splits) - 1), word_splits[1:] - word_splits[:-1])
        words = word - tf.cast(tf.gather(row_splits, text), tf.int32)
        return splits, ids, starts, ends, words

    def _characters(
        self, texts: tf.Tensor, ids: tf.Tensor, text: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Of each piece, the first character of its text that it holds a byte of, and the end."""
        codes, offsets = tf.strings.unicode_decode_with_offsets(texts, "UTF-8")
        # The texts one behind the other, in bytes and in characters.
        bytes_before = tf.cumsum(tf.cast(tf.strings.length(texts), tf.int64), exclusive=True)
        at = offsets.flat_values + tf.gather(bytes_before, codes.value_rowids())
        last = tf.cumsum(tf.cast(tf.gather(self._lengths, ids), tf.int64))
        first = tf.concat([[0], last], axis=0)[:-1]
        base = tf.gather(tf.cast(codes.row_starts(), tf.int32), text)
        return tf.searchsorted(at, first, side="right") - 1 - base, tf.searchsorted(at, last) - base

    def _prepared(self, texts: tf.Tensor) -> tf.Tensor:
        if self.add_prefix_space:
            texts = tf.where(self._lacks_space(texts), tf.strings.join([" ", texts]), texts)
        return texts

    def _lacks_space(self, texts: tf.Tensor) -> tf.Tensor:
        """Which texts get a space in front."""
        return tf.strings.regex_full_match(texts, "(?s)[^ ].*")

    def _merged(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Words (words,), none of them empty, as int32 (words, None)."""
        lengths = tf.strings.length(words)
        values = tf.io.decode_raw(tf.strings.reduce_join(words), tf.uint8)
        rows = tf.repeat(tf.range(tf.size(words)), lengths)
        ids = tf.gather(self._bytes, tf.cast(values, tf.int32))
        pieces = self._merge(ids, rows)
        return tf.RaggedTensor.from_value_rowids(
            pieces.ids, tf.cast(pieces.rows, tf.int64), tf.size(words, tf.int64), validate=False
        )

    def vocabulary(self) -> bytes:
        return as_file(self._known, self.merges)

    def get_settings(self) -> dict:
        return {
            "expressions": list(self.expressions),
            "normalization": self.normalization,
            "add_prefix_space": self.add_prefix_space,
            "trim_offsets": self.trim_offsets,
            "keep_first_space": self.keep_first_space,
            "ignore_merges": self.ignore_merges,
            "special_ids": dict(self.special_ids),
            "added_tokens": [asdict(token) for token in self._given_tokens],
            **self._further_settings,
        }

    @classmethod
    def from_vocabulary(cls, vocabulary: bytes, settings: dict) -> Self:
        return cls(*from_file(vocabulary), **settings)


def _bytes(piece: str) -> bytes:
    """What a piece stands for; added tokens may hold signs that are letters of no byte."""
    if all(letter in LETTERS for letter in piece):
        return bytes(LETTERS[letter] for letter in piece)
    return piece.encode()


def _count_blanks(piece: str) -> int:
    """How many blanks a piece begins with."""
    return next((i for i, letter in enumerate(piece) if not _is_blank(letter)), len(piece))


def _is_blank(letter: str) -> bool:
    return letter == SPACE or letter.isspace()
