"""SentencePiece: byte-pair encoding and unigram pieces over raw text."""

import dataclasses
import functools
import itertools
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import tensorflow as tf

from tftransformer.core import Ragged, check_choice
from tftransformer.text.added_tokens import AddedToken, as_added_tokens
from tftransformer.text.byte_spans import (
    BLANKS,
    WHITE,
    counted_words,
    places_of_spans,
    raw_places_of_spans,
)
from tftransformer.text.checks import as_vector, check_alpha, check_texts
from tftransformer.text.digit_commas import Commas
from tftransformer.text.encoding import Encoding
from tftransformer.text.equal_cuts import EqualCuts
from tftransformer.text.further_tokens import SIGN, WholeTokens, lookup
from tftransformer.text.language_codes import CODE, behind_codes, without_codes
from tftransformer.text.learning import check_corpus, learn_pieces
from tftransformer.text.registry import register
from tftransformer.text.resampling import Resampler, resampler_of
from tftransformer.text.sentencepiece_model import (
    SPACE,
    GraphModel,
    load_model,
    special_ids_of,
    surfaces_of,
    with_symbol,
)
from tftransformer.text.tokenizer import Tokenizer
from tftransformer.text.utf8 import with_replacements

KINDS = ("bpe", "unigram")
MANNERS = ("words", "stripped", "language_codes", "splits_commas")
PLACES: dict[str, Callable[..., dict[str, tf.Tensor]]] = {
    "blanks": functools.partial(places_of_spans, white=WHITE),
    "pieces": functools.partial(places_of_spans, white=BLANKS),
    "one": raw_places_of_spans,
}
BLOCK = 4096  # lists for more texts at once would keep Python's garbage collector busy
NORMALIZATIONS = ("identity", "nfkc", "nmt_nfkc", "nfkc_cf", "nmt_nfkc_cf")


@register
class SentencePieceTokenizer(Tokenizer):
    """Subword pieces learnt from raw text (Kudo and Richardson 2018).

    `learn` makes one from a corpus; the constructor takes the bytes of any SentencePiece model.
    Learnt vocabularies have pad 0, unknown 1, start 2, end 3, then further special tokens, then
    the 256 bytes (with `byte_fallback`), then the pieces.

    What `normalization` does to text before it is cut, so that decoding does not restore it:

    - `"identity"`: nothing, so that spaces and line breaks are kept. Every string is restored,
      except that U+2581 (`▁`), with which SentencePiece writes the space, becomes `_`.
    - `"nfkc"`: Unicode NFKC (`ﬁ` → `fi`, `²` → `2`, full width → half width).
    - `"nmt_nfkc"`: NFKC, and unusual spaces and control characters become spaces or are removed.
    - `"nfkc_cf"`, `"nmt_nfkc_cf"`: the same, in lower case (`Ä` → `ä`; `ß` stays).

    All but `"identity"` also remove leading and trailing spaces and merge repeated ones.

    Args:
        model: serialised SentencePiece model.
        sampling_alpha: strength of subword regularisation, used by `sample`, and in training if
            above 0. BPE: the probability with which a merge is left out (BPE-dropout, Provilkov et
            al. 2020). Unigram: the exponent on the probabilities of the segmentations, 0 = all
            equally likely (Kudo 2018).
        pieces: the vocabulary in order of the ids, if it differs from that of the model: a piece of
            the model gets the id of its name here, and is unknown if there is none.
        special_ids: as in `Tokenizer`; default: those of the model.
        added_tokens: as in `Tokenizer`. Special ones among them do not become text.
        words: what counts as a word. `"blanks"`: whatever is between white space of the text.
            `"pieces"`: a piece with a leading blank begins a word; for models that remove extra
            blanks it is the same, except where normalisation adds or removes blanks. `"one"`: the
            whole text is one word; only then do places include the blanks of their pieces.
        stripped: regular expression of what to remove when a text is decoded; default: the blanks
            that the model itself puts in front of a text.
        language_codes: a text may begin with the name of a language, as in `>>deu<< Hello`, which
            is a piece that the model does not see (as in Marian).
        splits_commas: a comma after a digit is a separate piece (as in XLNet).
        rewriting, further_tokens: as in `Tokenizer`.

    Example:
        >>> corpus = ["Guten Morgen!", "Guten Abend!"]
        >>> tokenizer = SentencePieceTokenizer.learn(corpus, vocab_size=280)
        >>> tokenizer.decode(tokenizer.encode(["Guten Morgen!"]).ids)
        ['Guten Morgen!']
    """

    vocabulary_file = "sentencepiece.model"

    def __init__(
        self,
        model: bytes,
        sampling_alpha: float = 0.0,
        *,
        pieces: Sequence[str] | None = None,
        special_ids: Mapping[str, int] | None = None,
        added_tokens: Sequence[AddedToken | Mapping[str, Any]] | None = None,
        words: str = "blanks",
        stripped: str | None = None,
        language_codes: bool = False,
        splits_commas: bool = False,
        rewriting: Sequence[Sequence[str]] = (),
        further_tokens: Sequence[str] = (),
    ):
        check_alpha(sampling_alpha)
        check_choice(PLACES, words=words)
        processor = load_model(model)
        own = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
        names = own if pieces is None else list(pieces)
        known = special_ids_of(processor) if special_ids is None else special_ids
        model_ids = {piece: i for i, piece in enumerate(own)}
        added = None if added_tokens is None else as_added_tokens(added_tokens)
        keeps_spaces = processor.normalize("   a").startswith(SPACE * 3)
        # The space that the model itself puts in front of a text is no part of it.
        puts_one = processor.normalize("a").startswith(SPACE)
        leading_spaces = ("^ " if puts_one else "^") if keeps_spaces else "^ +"
        super().__init__(
            pieces=names,
            surfaces=surfaces_of(processor, [model_ids.get(name, name) for name in names], added),
            special_ids=known,
            leading_spaces=leading_spaces if stripped is None else stripped,
            added_tokens=added,
            rewriting=rewriting,
            further_tokens=further_tokens,
        )
        self.sampling_alpha = sampling_alpha
        self.words, self.stripped, self.language_codes = words, stripped, language_codes
        self._processor = processor
        self._whole = WholeTokens(further_tokens, len(names)) if further_tokens else None
        if further_tokens:
            model = with_symbol(model, SIGN)
            own = [*own, SIGN]
        self._model = GraphModel(model)
        further = [-1] * len(further_tokens)
        self._model_ids = [model_ids.get(name, -1) for name in names] + further
        ids = {name: i for i, name in enumerate(names)} | {SIGN: len(names)}
        unknown = known.get("unk", 0)
        ids_of_model = [ids.get(piece, unknown) for piece in own]
        self.splits_commas = splits_commas
        self._commas = Commas(load_model(model)) if splits_commas else None
        self._unknown = unknown
        codes = [name for name in names if re.fullmatch(CODE, name)] if language_codes else []
        self._codes = {code: ids[code] for code in codes}
        begins = [name.startswith(SPACE) for name in (*names, *further_tokens)]
        self._begins_word = np.array(begins, np.int32)
        # What the model knows no piece for may still be one of the vocabulary.
        beyond = {*names} - {*own} - {token.content for token in added or ()}
        self._by_name = lookup(ids, unknown) if beyond - {*self._codes} else None
        self._table = None
        if ids_of_model != [*range(len(own))]:
            self._table = np.array(ids_of_model, np.int32)
        self._given = types.MappingProxyType({  # which is not tracked: its values stay plain
            "pieces": pieces and list(pieces),
            "special_ids": special_ids and dict(special_ids),
            "added_tokens": added and [dataclasses.asdict(token) for token in added],
        })  # fmt: skip

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        kind: str = "bpe",
        byte_fallback: bool = True,
        normalization: str = "identity",
        character_coverage: float = 0.9995,
        special_tokens: Sequence[str] = (),
        sampling_alpha: float = 0.0,
    ) -> "SentencePieceTokenizer":
        """Learns a vocabulary; the same texts and arguments give exactly the same one.

        Args:
            texts: strings, read once; empty ones are skipped.
            vocab_size: number of pieces, special tokens and bytes included.
            kind: `"bpe"` (Sennrich et al. 2016) or `"unigram"` (Kudo 2018).
            byte_fallback: characters without a piece are spelled in UTF-8 bytes, so that any text
                can be restored; otherwise they become the unknown token.
            normalization: one of those in the description of the class.
            character_coverage: share of the characters in `texts` to cover with pieces for single
                characters. Use 1.0 for small alphabets and clean text; rarer characters are noise,
                or ideographs, and better left to `byte_fallback`.
            special_tokens: names of further special tokens, such as `"<mask>"`, from id 4 on.
            sampling_alpha: see the class.

        Raises:
            ValueError: an argument is out of range, a text is no Unicode string, there is no
                text, or it yields fewer (or needs more) pieces than `vocab_size`.
        """
        check_alpha(sampling_alpha)
        check_choice(KINDS, kind=kind)
        check_choice(NORMALIZATIONS, normalization=normalization)
        fixed = 4 + len(special_tokens) + 256 * byte_fallback
        if vocab_size <= fixed:
            raise ValueError(
                f"vocab_size {vocab_size} leaves no room: special tokens and bytes take {fixed}. "
                "Give a larger one; some thousands are usual."
            )
        model = learn_pieces(
            check_corpus(texts),
            vocab_size,
            kind=kind,
            byte_fallback=byte_fallback,
            normalization=normalization,
            character_coverage=character_coverage,
            special_tokens=special_tokens,
        )
        return cls(model, sampling_alpha)

    def tokenize(
        self, texts: Any, *, sample: bool = False, allow_special: bool = False
    ) -> tf.RaggedTensor:
        """Turns strings into ids, in the graph or eagerly.

        Args:
            texts: string tensor (batch,) of UTF-8. Invalid bytes count as U+FFFD.
            allow_special: as in `Tokenizer.tokenize`; not together with `sample`.
            sample: draw one of the possible segmentations. The operation ignores seeds; for
                repeatable runs use the method `sample`.

        Returns:
            int32 RaggedTensor (batch, None), without padding, start or end.
        """
        if not sample:
            return super().tokenize(texts, allow_special=allow_special)
        if allow_special:
            raise ValueError("sample=True draws from plain text: leave out allow_special")
        return self._ids(as_vector(texts), sample=True)

    def cut(self, texts: tf.Tensor) -> tf.RaggedTensor:
        if not self.language_codes:
            return self._ids(texts, sample=False)
        codes, rest = without_codes(texts)
        return tf.concat([self._ids_of(codes), self._ids(rest, sample=False)], axis=1)

    def _ids(self, texts: tf.Tensor, sample: bool) -> tf.RaggedTensor:
        """Ids of the vocabulary, those of further tokens in the place of signs."""
        if self._whole is None:
            return self._numbered(self._cut(texts, sample))
        signed = self._whole(texts)
        return signed.numbered(self._numbered(self._cut(signed.texts, sample)), len(self._known))

    def _added_further(self, first: int) -> tuple[AddedToken, ...]:
        return ()  # a text that is cut in parts has blanks that are not there

    def _ids_of(self, codes: tf.Tensor) -> tf.RaggedTensor:
        """Of each code its id, of an empty string none."""
        matches = codes[:, None] == tf.constant([*self._codes], tf.string)
        known = tf.constant([*self._codes.values()], tf.int32)
        found = tf.reduce_sum(tf.where(matches, known, 0), axis=1)
        ids = tf.where(tf.reduce_any(matches, axis=1), found, self._unknown)
        return tf.ragged.boolean_mask(ids[:, None], (codes != "")[:, None])

    def _numbered(self, pieces: tf.RaggedTensor) -> tf.RaggedTensor:
        """The vocabulary's ids of the model's, or of their names."""
        if self._by_name is not None:
            return pieces.with_flat_values(self._by_name.lookup(pieces.flat_values))
        if self._table is None:
            return pieces
        return pieces.with_flat_values(tf.gather(self._table, pieces.flat_values))

    def _cut(self, texts: tf.Tensor, sample: bool) -> tf.RaggedTensor:
        """Ids of the model itself, or names of pieces."""
        from tensorflow_text.python.ops import sentencepiece_tokenizer as ops

        values, splits = ops.gen_sentencepiece_tokenizer.sentencepiece_tokenize_op(
            self._model.resource_handle,
            with_replacements(texts),
            nbest_size=-1 if sample else 0,
            alpha=self.sampling_alpha,
            add_bos=False,
            add_eos=False,
            reverse=False,
            out_type=tf.int32 if self._by_name is None else tf.string,
        )
        pieces = tf.RaggedTensor.from_row_splits(values, splits, validate=False)
        return pieces if self._commas is None else self._commas.split({"ids": pieces})["ids"]

    def cut_with_places(self, texts: tf.Tensor) -> dict[str, tf.RaggedTensor]:
        """Cuts texts and returns the place of each piece, in the graph or eagerly.

        As in Hugging Face's fast tokenizers for T5 and XLNet, words are whatever is between white
        space, and no place begins with white space: `▁word` covers `word`, and `▁` alone the first
        character of the next word. Places refer to the text as given, whatever the normalisation
        does; each byte of a character covers the whole character.
        """
        from tensorflow_text.python.ops import sentencepiece_tokenizer as ops

        given = with_replacements(texts)
        codes, texts = without_codes(given) if self.language_codes else (None, given)
        signed = None if self._whole is None else self._whole(texts, with_places=True)
        texts = texts if signed is None else signed.texts
        tokenize = ops.gen_sentencepiece_tokenizer.sentencepiece_tokenize_with_offsets_op
        values, splits, starts, ends = tokenize(
            self._model.resource_handle,
            texts,
            nbest_size=0,
            alpha=self.sampling_alpha,
            add_bos=False,
            add_eos=False,
            reverse=False,
            out_type=tf.int32 if self._by_name is None else tf.string,
        )
        places = PLACES[self.words]
        found = {"ids": values, **places(texts, splits, starts, ends)}
        rows = {
            name: tf.RaggedTensor.from_row_splits(column, splits, validate=False)
            for name, column in found.items()
        }
        if self._commas is not None:
            rows = self._commas.split(rows)
        rows["ids"] = self._numbered(rows["ids"])
        if self.words == "pieces":
            rows["words"] = counted_words(rows["ids"], self._begins_word)
        if signed is not None:
            rows["ids"] = signed.numbered(rows["ids"], len(self._known))
            rows |= {name: signed.given_place(rows[name]) for name in ("starts", "ends")}
        return rows if codes is None else behind_codes(self._ids_of(codes), codes, given, rows)

    def encode(self, texts: Iterable[str], *, allow_special: bool = False) -> Encoding:
        by_graph = self.language_codes or self._by_name is not None or self.splits_commas
        if by_graph or self.rewriting or self.further_tokens or self._looked_for(allow_special):
            return super().encode(texts, allow_special=allow_special)
        values, lengths = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
        texts = check_texts(texts)
        for start in range(0, len(texts), BLOCK):
            rows = self._processor.encode(texts[start : start + BLOCK], out_type=int)
            lengths.append(np.fromiter(map(len, rows), np.int64, len(rows)))
            tokens = itertools.chain.from_iterable(rows)
            values.append(np.fromiter(tokens, np.int32, lengths[-1].sum()))
        ids = Ragged(np.concatenate(values), np.cumsum(np.concatenate(lengths)))
        ids = self._ties.settled(
            ids, lambda rows: self._cut(tf.constant([texts[row] for row in rows]), sample=False)
        )
        if self._table is not None:
            ids = Ragged(self._table.take(ids.values), ids.row_splits)
        return Encoding(ids, lambda: self._places(texts, False))

    @functools.cached_property
    def _ties(self) -> EqualCuts:
        return EqualCuts(self._processor)

    def resample(self, ids: Ragged, seed: int | Sequence[int]) -> Ragged:
        """Draws another segmentation of texts that are already cut; a pure function.

        Args:
            ids: ids as `encode` returns them.
            seed: a non-negative int or several, such as `(seed, epoch)`.

        Returns:
            ids of the same texts.
        """
        return self._resampler(ids, self.sampling_alpha, np.random.default_rng(seed))

    def sample(self, texts: Iterable[str], seed: int | Sequence[int]) -> Ragged:
        """Draws one segmentation for each string; a pure function of its arguments.

        Args:
            texts: strings.
            seed: a non-negative int or several, such as `(seed, epoch)`.

        Returns:
            ids for each string, without padding, start or end.
        """
        return self.resample(self.encode(texts).ids, seed)

    @functools.cached_property
    def _resampler(self) -> Resampler:
        return resampler_of(self._processor, self._model_ids)

    def vocabulary(self) -> bytes:
        return self._processor.serialized_model_proto()

    def get_settings(self) -> dict:
        # What stands in the model alone stays there.
        found = {"sampling_alpha": self.sampling_alpha, **{n: getattr(self, n) for n in MANNERS}}
        found["rewriting"] = [list(step) for step in self.rewriting]
        found |= self._further_settings
        return found | {name: value for name, value in self._given.items() if value is not None}

    @classmethod
    def from_vocabulary(cls, vocabulary: bytes, settings: dict) -> Self:
        return cls(vocabulary, **settings)
