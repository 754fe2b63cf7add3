"""WordPiece: words cut into the longest known pieces, as BERT reads them."""

import dataclasses
import functools
import os
import pathlib
import types
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import tensorflow as tf

from tftransformer.text.added_tokens import AddedToken, as_added_tokens, extended, hidden
from tftransformer.text.characters import PLAIN, tables
from tftransformer.text.learning import SPACE, check_corpus, learn_pieces
from tftransformer.text.one_call import traced_apart
from tftransformer.text.registry import register
from tftransformer.text.tokenizer import Tokenizer
from tftransformer.text.words import WordCutter, Words, cut_words

CONTINUATION = "##"
UNKNOWN = "[UNK]"
MAX_CHARACTERS = 100  # a longer word is unknown
MAX_BYTES = 256  # of a piece, that TensorFlow Text takes
# What the reference's decoder replaces in each piece, behind its blank.
TIDY = (
    *((f" {mark}", mark) for mark in ".?!,"),
    (" ' ", "'"),
    *((f" {end}", end) for end in ("n't", "'m", "'s", "'ve", "'re")),
    (" do not", " don't"),
)
LEARNT = ("[PAD]", UNKNOWN, "[CLS]", "[SEP]")
SPECIAL = types.MappingProxyType(
    {
        "pad": "[PAD]",
        "unk": UNKNOWN,
        "start": "[CLS]",
        "end": "[SEP]",
        "mask": "[MASK]",
        "cls": "[CLS]",
        "sep": "[SEP]",
    }
)


class Pieces(NamedTuple):
    """Words as pieces.

    Args:
        ids: int32 RaggedTensor (words, None).
        starts, ends: int64 RaggedTensors (words, None), in bytes of the word.
        is_long: bool (words,), where the word is unknown for its length.
    """

    ids: tf.RaggedTensor
    starts: tf.RaggedTensor
    ends: tf.RaggedTensor
    is_long: tf.Tensor


@register
class WordPieceTokenizer(Tokenizer):
    """Words, punctuation marks and ideographs, each cut into pieces (Devlin et al. 2019, §3).

    Decoding does not restore a text exactly: `detokenize` puts one space between words and around
    punctuation marks; removed case, accents and control characters are lost; and a word with a
    character outside the vocabulary, or of more than 100 characters, is `[UNK]`. If texts must be
    restored, use `SentencePieceTokenizer`.

    Args:
        pieces: the vocabulary in order of the ids; a prefix marks a piece that continues a word.
        lower_case: whether to lower-case the text first, by Unicode's rules.
        strip_accents: whether to remove accents and other combining marks first (`ä` → `a`);
            default: the value of `lower_case`, as in BERT.
        special_tokens: names of the special tokens by role, as in `special_ids`; default: those of
            BERT that are in the vocabulary. `"unk"` is required.
        added_tokens: as in `Tokenizer`; those with ids behind the last of `pieces` extend the
            vocabulary. Default: `special_tokens`.
        prefix: the prefix of pieces that continue a word.
        max_characters: longer words are unknown.
        parts_ideographs: whether each Chinese character is a word.
        tidies: whether decoding removes blanks before full stops, commas, question and exclamation
            marks.
        rewriting, further_tokens: as in `Tokenizer`.

    Example:
        >>> pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "em", "##bed", "##ding", "##s", "!"]
        >>> tokenizer = WordPieceTokenizer(pieces, lower_case=True)
        >>> tokenizer.tokens(tokenizer.encode(["Embeddings!"]).ids.values)
        ['em', '##bed', '##ding', '##s', '!']
    """

    vocabulary_file = "vocab.txt"
    joint = " ", ""

    def __init__(
        self,
        pieces: Sequence[str],
        *,
        lower_case: bool = False,
        strip_accents: bool | None = None,
        special_tokens: Mapping[str, str] | None = None,
        added_tokens: Sequence[AddedToken | Mapping[str, Any]] | None = None,
        prefix: str = CONTINUATION,
        max_characters: int = MAX_CHARACTERS,
        parts_ideographs: bool = True,
        tidies: bool = False,
        rewriting: Sequence[Sequence[str]] = (),
        further_tokens: Sequence[str] = (),
    ):
        import tensorflow_text

        added = None if added_tokens is None else as_added_tokens(added_tokens)
        names = extended(pieces, added or ())
        ids = {piece: i for i, piece in enumerate(names)}
        if len(ids) < len(names):
            twice = next(piece for i, piece in enumerate(names) if ids[piece] != i)
            raise ValueError(f"the vocabulary holds {twice!r} more than once")
        special = _special_names(special_tokens, ids)
        if added is None:
            silent = {ids[name] for role, name in special.items() if role != "unk"}
        else:
            silent = {token.id for token in added if token.special}
        surfaces = [_surface(name, prefix, tidies) for name in names]
        super().__init__(
            pieces=names,
            surfaces=[b"" if i in silent else surface for i, surface in enumerate(surfaces)],
            special_ids={role: ids[name] for role, name in special.items()},
            leading_spaces="^ ",
            added_tokens=added,
            rewriting=rewriting,
            spelled={i: surfaces[i] for i in silent},
            further_tokens=further_tokens,
        )
        self.lower_case = lower_case
        self.strip_accents = lower_case if strip_accents is None else strip_accents
        self.special_tokens = types.MappingProxyType(special)
        self.prefix, self.max_characters = prefix, max_characters
        self.parts_ideographs, self.tidies = parts_ideographs, tidies
        self._given = len(pieces), added
        # Text has no special tokens, and of the added ones only those that are looked for.
        unknown = ids[special["unk"]]
        cut = [hidden(i) if i in silent - {unknown} else x for i, x in enumerate(pieces)]
        common = {
            "vocab": cut,
            "suffix_indicator": prefix,
            "unknown_token": special["unk"],
            "token_out_type": tf.int32,
            "max_bytes_per_word": 4 * max_characters,
        }
        self._words = WordCutter(tables(self.lower_case, self.strip_accents, parts_ideographs))
        most = min(max_characters, 1000)  # which RE2 can count
        self._short = rf"\S{{0,{most}}}(?:\s\S{{0,{most}}})*"
        # What has many operations is one: cheap where it is called outside of a graph, and cheap
        # inside where it is not called. Behind a function, else each export would trace it anew.
        self._in_one_call = functools.cache(
            lambda: traced_apart(
                self._tokenize_mixed,
                input_signature=[tf.TensorSpec([None], tf.string), tf.TensorSpec([None], tf.bool)],
                autograph=False,
                experimental_attributes={"_noinline": True},
            )
        )
        try:
            self._cut_plain, self._cut_word = (
                tensorflow_text.FastWordpieceTokenizer(**common, no_pretokenization=is_word)
                for is_word in (False, True)
            )
        except RuntimeError as error:
            raise ValueError(f"not a WordPiece vocabulary: {error}") from None

    @classmethod
    def from_vocab(
        cls, vocabulary: str | os.PathLike | Sequence[str], **settings: Any
    ) -> "WordPieceTokenizer":
        """Makes a tokenizer from an existing vocabulary, such as BERT's.

        Args:
            vocabulary: path of a text file with one piece a line, or the pieces themselves.
            **settings: further arguments of the constructor.

        Raises:
            ValueError: it is no WordPiece vocabulary.
        """
        if not isinstance(vocabulary, str | os.PathLike):
            return cls(list(vocabulary), **settings)
        try:
            return cls.from_vocabulary(pathlib.Path(vocabulary).read_bytes(), settings)
        except ValueError as error:
            raise ValueError(f"{vocabulary}: {error}") from None

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        lower_case: bool = False,
        strip_accents: bool | None = None,
        character_coverage: float = 1.0,
        special_tokens: Sequence[str] = (),
        exactly: bool = True,
    ) -> "WordPieceTokenizer":
        """Learns a vocabulary: every frequent character, then pieces by byte-pair merges.

        The ids: pad 0 `[PAD]`, unknown 1 `[UNK]`, start 2 `[CLS]`, end 3 `[SEP]`, further special
        tokens, the characters at the start of a word, the characters within, the longer pieces by
        rank. The same texts and arguments give the same vocabulary.

        Args:
            texts: strings, read once.
            vocab_size: number of pieces, special tokens included.
            lower_case, strip_accents: see the class.
            character_coverage: share of the characters in the texts to cover with pieces; words
                with rarer characters are unknown.
            special_tokens: names of further special tokens, such as `"[MASK]"`, from id 4 on.
            exactly: whether fewer pieces than `vocab_size` are an error.

        Raises:
            ValueError: an argument is out of range, a text is no Unicode string, there is no
                text, or it yields fewer (or needs more) pieces than `vocab_size`.
        """
        import sentencepiece

        special = [*LEARNT, *special_tokens]
        model = learn_pieces(
            cut_words(check_corpus(texts), lower_case, strip_accents),
            vocab_size,
            kind="bpe",
            byte_fallback=False,
            normalization="identity",
            character_coverage=character_coverage,
            split_by_unicode_script=False,
            split_by_number=False,
            hard_vocab_limit=False,
        )
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        learnt = [processor.id_to_piece(i) for i in range(4, processor.get_piece_size())]
        letters = sorted(piece for piece in learnt if len(piece) == 1 and piece != SPACE)
        longer = [
            piece.removeprefix(SPACE) if piece.startswith(SPACE) else CONTINUATION + piece
            for piece in learnt
            if len(piece.removeprefix(SPACE)) > 1
        ]
        alphabet = [*special, *letters, *(CONTINUATION + letter for letter in letters)]
        pieces = list(dict.fromkeys([*alphabet, *longer]))
        if len(alphabet) > vocab_size:
            raise ValueError(
                f"vocab_size {vocab_size} is too small: {len(special)} special tokens + "
                f"{len(letters)} characters, at the start of a word and within, alone take "
                f"{len(alphabet)}; ask for more, or lower character_coverage"
            )
        if exactly and len(pieces) < vocab_size:
            raise ValueError(
                f"vocab_size {vocab_size} is more than these texts allow: at most {len(pieces)}"
            )
        return cls(pieces[:vocab_size], lower_case=lower_case, strip_accents=strip_accents)

    @classmethod
    def of_words(
        cls, texts: Iterable[str], vocab_size: int, **manners: Any
    ) -> "WordPieceTokenizer":
        """A vocabulary of whole words that occur at least twice, the most frequent first.

        Args:
            texts: strings, read once; longer words than 100 characters or 256 bytes do not count.
            vocab_size: largest number of ids, including `[PAD]`, `[UNK]`, `[CLS]` and `[SEP]`.
            **manners: `lower_case` and `strip_accents`, see the class.
        """
        counts = Counter(
            word
            for text in cut_words(check_corpus(texts), **manners)
            for word in text.split()
            if len(word) <= MAX_CHARACTERS and len(word.encode()) <= MAX_BYTES
        )
        frequent = counts.most_common(max(vocab_size - len(LEARNT), 0))
        return cls([*LEARNT, *(word for word, count in frequent if count > 1)], **manners)

    def cut(self, texts: tf.Tensor) -> tf.RaggedTensor:
        is_plain = tf.strings.regex_full_match(texts, f"[{PLAIN}]*")
        is_plain &= tf.strings.regex_full_match(texts, self._short)
        is_plain &= self.parts_ideographs
        return tf.cond(
            tf.reduce_all(is_plain),
            lambda: self._tokenize_plain(texts),
            lambda: self._in_one_call()(texts, is_plain),
        )

    def _tokenize_plain(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Texts of plain characters, by TensorFlow's own means: faster, and the same."""
        if self.lower_case:
            texts = tf.strings.lower(texts, "utf-8")
        if self.strip_accents:
            import tensorflow_text

            texts = tensorflow_text.normalize_utf8(texts, "NFD")
            texts = tf.strings.regex_replace(texts, r"\p{Mn}", "")
        return self._cut_plain.tokenize(texts)

    def _tokenize_mixed(self, texts: tf.Tensor, is_plain: tf.Tensor) -> tf.RaggedTensor:
        """The plain texts and the others, in their order."""
        plain, odd = tf.where(is_plain)[:, 0], tf.where(~is_plain)[:, 0]
        words = self._words(tf.gather(texts, odd))
        pieces = self._cut(words)
        of_odd = tf.RaggedTensor.from_row_splits(
            pieces.ids.flat_values,
            tf.gather(pieces.ids.row_splits, words.row_splits),
            validate=False,
        )
        both = tf.concat([self._tokenize_plain(tf.gather(texts, plain)), of_odd], axis=0)
        return tf.gather(both, tf.math.invert_permutation(tf.concat([plain, odd], axis=0)))

    def _cut(self, words: Words) -> Pieces:
        """Words that are normalised already, one by one."""
        is_long = words.characters.row_lengths() > self.max_characters
        # What is no UTF-8 is in no vocabulary.
        strings = tf.where(is_long, b"\xff", tf.strings.unicode_encode(words.characters, "UTF-8"))
        ids, starts, ends = self._cut_word.tokenize_with_offsets(strings)
        return Pieces(ids, starts, ends, is_long)

    def cut_with_places(self, texts: tf.Tensor) -> dict[str, tf.RaggedTensor]:
        words = self._words(texts)
        ids, starts, ends, is_long = self._cut(words)
        # Offsets are bytes within a word; the words one after the other are one string of bytes.
        lengths = _utf8_lengths(words.characters.flat_values)
        at = tf.concat([[0], tf.cumsum(lengths)], axis=0)
        word = ids.value_rowids()
        word_splits = tf.cast(words.characters.row_splits, tf.int32)
        begin, end = tf.gather(word_splits, word), tf.gather(word_splits, word + 1)
        offset, is_long = tf.gather(at, begin), tf.gather(is_long, word)
        first, last = (
            tf.searchsorted(at, offset + tf.cast(edge.flat_values, tf.int32))
            for edge in (starts, ends)
        )
        first, last = tf.where(is_long, begin, first), tf.where(is_long, end, last)
        splits = tf.gather(ids.row_splits, words.row_splits)
        first_word = tf.repeat(words.row_splits[:-1], splits[1:] - splits[:-1])
        found = {
            "ids": ids.flat_values,
            "starts": tf.gather(words.places, first),
            "ends": tf.gather(words.places, last - 1) + 1,
            "words": tf.cast(word - first_word, tf.int32),
        }
        return {
            name: tf.RaggedTensor.from_row_splits(values, splits, validate=False)
            for name, values in found.items()
        }

    def vocabulary(self) -> bytes:
        return "".join(f"{piece}\n" for piece in self._pieces[: self._given[0]]).encode()

    def get_settings(self) -> dict:
        added = self._given[1]
        return {
            "lower_case": self.lower_case,
            "strip_accents": self.strip_accents,
            "special_tokens": dict(self.special_tokens),
            "added_tokens": added and [dataclasses.asdict(token) for token in added],
            "prefix": self.prefix,
            "max_characters": self.max_characters,
            "parts_ideographs": self.parts_ideographs,
            "tidies": self.tidies,
            "rewriting": [list(step) for step in self.rewriting],
            **self._further_settings,
        }

    @classmethod
    def from_vocabulary(cls, vocabulary: bytes, settings: dict) -> Self:
        lines = vocabulary.decode().removesuffix("\n").split("\n")
        return cls([line.rstrip("\r") for line in lines], **settings)


def _special_names(given: Mapping[str, str] | None, ids: Mapping[str, int]) -> dict[str, str]:
    """The special tokens by what they are for; raises a ValueError for one that is not there."""
    if given is None:
        given = {role: name for role, name in SPECIAL.items() if name in ids or role == "unk"}
    if "unk" not in given:
        raise ValueError(f"special_tokens names {dict(given)}; WordPiece needs 'unk', too")
    for role, name in given.items():
        if name not in ids:
            kind = "unknown" if role == "unk" else role
            raise ValueError(f"the vocabulary ({len(ids)} pieces) lacks the {kind} token {name!r}")
    return dict(given)


def _surface(piece: str, prefix: str, tidies: bool) -> bytes:
    """What a piece looks like in text; words begin with a space."""
    if piece.startswith(prefix) and piece != prefix:
        return piece.removeprefix(prefix).encode()
    spaced = f" {piece}"
    for before, after in TIDY if tidies else ():
        spaced = spaced.replace(before, after)
    return spaced.encode()


def _utf8_lengths(codes: tf.Tensor) -> tf.Tensor:
    """How many bytes each character takes: int32."""
    longer = (codes >= limit for limit in (0x80, 0x800, 0x10000))
    return 1 + sum(tf.cast(above, tf.int32) for above in longer)
