"""SentencePiece: byte-pair encoding and unigram pieces over raw text."""

import collections
import functools
import hashlib
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tftransformer.core import Ragged
from tftransformer.text.byte_spans import places_of_spans
from tftransformer.text.encoding import Encoding
from tftransformer.text.learning import SPACE, check_corpus, learn_pieces
from tftransformer.text.registry import register
from tftransformer.text.resampling import Resampler
from tftransformer.text.tokenizer import Tokenizer, as_vector, check_texts
from tftransformer.text.utf8 import with_replacements

KINDS = ("bpe", "unigram")
BLOCK = 4096  # lists for more texts at once would keep Python's garbage collector busy
NAMES = {"mask": ("<mask>", "[MASK]"), "cls": ("<cls>", "[CLS]"), "sep": ("<sep>", "[SEP]")}
NORMALIZATIONS = ("identity", "nfkc", "nmt_nfkc", "nfkc_cf", "nmt_nfkc_cf")


@register
class SentencePieceTokenizer(Tokenizer):
    """Subword pieces learnt from raw text (Kudo and Richardson 2018).

    `learn` makes one from a corpus; the constructor takes the bytes of any SentencePiece model.
    Learnt vocabularies have pad 0, unknown 1, start 2, end 3, then further special tokens, then
    the 256 bytes (with `byte_fallback`), then the pieces.

    What `normalization` does to text before it is cut, hence what does not come back:

    - `"identity"`: nothing, spaces and line breaks included. Every string comes back as it was,
      except that U+2581 (`▁`), with which SentencePiece writes the space, becomes `_`.
    - `"nfkc"`: Unicode NFKC (`ﬁ` → `fi`, `²` → `2`, full width → half width).
    - `"nmt_nfkc"`: NFKC, and the odd spaces and control characters become spaces or vanish.
    - `"nfkc_cf"`, `"nmt_nfkc_cf"`: the same in lower case (`Ä` → `ä`; `ß` stays).

    All but `"identity"` also drop leading and trailing spaces and make one of several.

    Args:
        model: serialised SentencePiece model.
        sampling_alpha: strength of subword regularisation, used by sampling alone. BPE: the
            probability with which a merge is left out (BPE-dropout, Provilkov et al. 2020).
            Unigram: the exponent on the probabilities of the segmentations, 0 = all alike
            (Kudo 2018).

    Example:
        >>> corpus = ["Guten Morgen!", "Guten Abend!"]
        >>> tokenizer = SentencePieceTokenizer.learn(corpus, vocab_size=280)
        >>> tokenizer.decode(tokenizer.encode(["Guten Morgen!"]).ids)
        ['Guten Morgen!']
    """

    vocabulary_file = "sentencepiece.model"

    def __init__(self, model: bytes, sampling_alpha: float = 0.1):
        import sentencepiece

        _check_alpha(sampling_alpha)
        processor = sentencepiece.SentencePieceProcessor()
        try:
            processor.LoadFromSerializedProto(model)
        except RuntimeError as error:
            raise ValueError(f"not a SentencePiece model ({error})") from None
        ids = range(processor.get_piece_size())
        keeps_spaces = processor.normalize("   a").startswith(SPACE * 3)
        # The space that the model itself puts in front of a text is no part of it.
        puts_one = processor.normalize("a").startswith(SPACE)
        leading_spaces = ("^ " if puts_one else "^") if keeps_spaces else "^ +"
        super().__init__(
            pieces=[processor.id_to_piece(i) for i in ids],
            surfaces=[_surface(processor, i) for i in ids],
            special_ids=_special_ids(processor),
            leading_spaces=leading_spaces,
        )
        self.sampling_alpha = sampling_alpha
        self._processor = processor
        self._model = _Model(model)

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
        sampling_alpha: float = 0.1,
    ) -> "SentencePieceTokenizer":
        """Learns a vocabulary; the same texts and arguments give the same one, to the byte.

        Args:
            texts: strings, read once; empty ones are skipped.
            vocab_size: number of pieces, special tokens and bytes included.
            kind: `"bpe"` (Sennrich et al. 2016) or `"unigram"` (Kudo 2018).
            byte_fallback: characters without a piece are spelled in UTF-8 bytes, so that any text
                comes back; else they become the unknown token.
            normalization: one of those in the description of the class.
            character_coverage: share of the running characters of `texts` whose kinds get a piece
                of their own. 1.0 for small alphabets and clean text; rarer ones are noise, or
                ideographs, and better left to `byte_fallback`.
            special_tokens: names of further special tokens, such as `"<mask>"`, from id 4 on.
            sampling_alpha: see the class.

        Raises:
            ValueError: an argument is out of range, a text is no Unicode string, there is no
                text, or it yields fewer (or needs more) pieces than `vocab_size`.
        """
        _check_alpha(sampling_alpha)
        _one_of("kind", kind, KINDS)
        _one_of("normalization", normalization, NORMALIZATIONS)
        fixed = 4 + len(special_tokens) + 256 * byte_fallback
        if vocab_size <= fixed:
            raise ValueError(
                f"vocab_size {vocab_size} leaves no room: special tokens and bytes take {fixed}"
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
            sample: draw one of the possible segmentations. The operation's random numbers heed
                no seed; where a run must be repeatable, use `sample`.

        Returns:
            int32 RaggedTensor (batch, None), without padding, start or end.
        """
        if not sample:
            return super().tokenize(texts, allow_special=allow_special)
        if allow_special:
            raise ValueError("sample=True draws from plain text: leave out allow_special")
        return self._cut(as_vector(texts), sample=True)

    def cut(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self._cut(texts, sample=False)

    def _cut(self, texts: tf.Tensor, sample: bool) -> tf.RaggedTensor:
        from tensorflow_text.python.ops import sentencepiece_tokenizer as ops

        values, splits = ops.gen_sentencepiece_tokenizer.sentencepiece_tokenize_op(
            self._model.resource_handle,
            with_replacements(texts),
            nbest_size=-1 if sample else 0,
            alpha=self.sampling_alpha,
            add_bos=False,
            add_eos=False,
            reverse=False,
        )
        return tf.RaggedTensor.from_row_splits(values, splits, validate=False)

    def cut_with_places(self, texts: tf.Tensor) -> dict[str, tf.RaggedTensor]:
        """Cuts texts and says where each piece stands, in the graph or eagerly.

        As Hugging Face's fast tokenizers have it for T5 and XLNet, words are what stands between
        white space, and no place begins with white space: `▁word` stands for `word`, and `▁` alone
        for the first character of the word behind it. Places are in the text as given, whatever
        the normalisation does; each byte of a character stands for the whole of it.
        """
        from tensorflow_text.python.ops import sentencepiece_tokenizer as ops

        texts = with_replacements(texts)
        tokenize = ops.gen_sentencepiece_tokenizer.sentencepiece_tokenize_with_offsets_op
        values, splits, starts, ends = tokenize(
            self._model.resource_handle,
            texts,
            nbest_size=0,
            alpha=self.sampling_alpha,
            add_bos=False,
            add_eos=False,
            reverse=False,
        )
        found = {"ids": values, **places_of_spans(texts, splits, starts, ends)}
        return {
            name: tf.RaggedTensor.from_row_splits(column, splits, validate=False)
            for name, column in found.items()
        }

    def encode(self, texts: Iterable[str], *, allow_special: bool = False) -> Encoding:
        if self._looked_for(allow_special):  # in the graph's way
            return super().encode(texts, allow_special=allow_special)
        values, lengths = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
        texts = check_texts(texts)
        for start in range(0, len(texts), BLOCK):
            rows = self._processor.encode(texts[start : start + BLOCK], out_type=int)
            lengths.append(np.fromiter(map(len, rows), np.int64, len(rows)))
            tokens = itertools.chain.from_iterable(rows)
            values.append(np.fromiter(tokens, np.int32, lengths[-1].sum()))
        ids = Ragged(np.concatenate(values), np.cumsum(np.concatenate(lengths)))
        return Encoding(self._as_in_the_graph(ids, texts), lambda: self._places(texts, False))

    def _as_in_the_graph(self, ids: Ragged, texts: Sequence[str]) -> Ragged:
        """`ids`, but where two ways to cut are equally good, the one that the graph takes.

        Two libraries cut, and of equal sums of scores each takes another ("0", "00" or "00", "0").
        Sums are equal where pieces change places, and what they spell stays the same only if all
        of them repeat one string.
        """
        roots, values = self._roots, ids.values
        repeats = (roots > 0).take(values)
        places = np.flatnonzero(repeats[:-1] & repeats[1:])
        left, right = values[places], values[places + 1]
        tied = (roots[left] == roots[right]) & (left != right)
        rows = np.unique(np.searchsorted(ids.row_splits, places[tied], side="right") - 1)
        if not len(rows):
            return ids
        again = self.tokenize(tf.constant([texts[row] for row in rows], tf.string))
        cut, splits = again.flat_values.numpy(), again.row_splits.numpy()
        lengths, kept = (
            ids.lengths,
            np.split(values, ids.row_splits[np.stack([rows, rows + 1], axis=1)].ravel()),
        )
        lengths[rows] = np.diff(splits)
        kept[1::2] = np.split(cut, splits[1:-1])
        return Ragged(np.concatenate(kept), np.concatenate([[0], np.cumsum(lengths)]))

    @functools.cached_property
    def _roots(self) -> np.ndarray:
        """A number for the string that a piece repeats, 0 where no other piece repeats it."""
        scores = (self._processor.get_score(i) for i in range(self.vocab_size))
        numbers = np.zeros(self.vocab_size, np.int64)
        if all(score.is_integer() for score in scores):  # ranks of merges: no two are equal
            return numbers
        families = collections.defaultdict(list)
        for i, piece in enumerate(self._pieces):
            families[piece[: (piece + piece).find(piece, 1)]].append(i)
        for number, family in enumerate(families.values(), 1):
            numbers[family] = number if len(family) > 1 else 0
        return numbers

    def resample(self, ids: Ragged, seed: int | Sequence[int]) -> Ragged:
        """Draws another segmentation of texts that are cut already: a pure function.

        Args:
            ids: plain ones, as `encode` returns them.
            seed: a non-negative int or several, such as `(seed, epoch)`.

        Returns:
            ids of the same texts.
        """
        return self._resampler(ids, self.sampling_alpha, np.random.default_rng(seed))

    def sample(self, texts: Iterable[str], seed: int | Sequence[int]) -> Ragged:
        """Draws one segmentation for each string: a pure function of its arguments.

        Args:
            texts: strings.
            seed: a non-negative int or several, such as `(seed, epoch)`.

        Returns:
            ids for each string, without padding, start or end.
        """
        return self.resample(self.encode(texts).ids, seed)

    @functools.cached_property
    def _resampler(self) -> Resampler:
        processor, ids = self._processor, range(self.vocab_size)
        no_text = (
            processor.is_control,
            processor.is_unknown,
            processor.is_byte,
            processor.is_unused,
        )
        pieces = [None if any(no(i) for no in no_text) else self._pieces[i] for i in ids]
        return Resampler(pieces, [processor.get_score(i) for i in ids])

    def vocabulary(self) -> bytes:
        return self._processor.serialized_model_proto()

    def get_settings(self) -> dict:
        return {"sampling_alpha": self.sampling_alpha}

    @classmethod
    def from_vocabulary(cls, vocabulary: bytes, settings: dict) -> "SentencePieceTokenizer":
        return cls(vocabulary, **settings)


class _Model(tf.saved_model.experimental.TrackableResource):
    """The model inside TensorFlow.

    `tensorflow_text.SentencepieceTokenizer` leaves its resource to a kernel, and every
    `tf.random.set_seed` throws the kernels away. A shared name keeps it for the process.
    """

    def __init__(self, model: bytes):
        super().__init__()
        self._content = model
        self._shared_name = f"sentencepiece_{hashlib.sha256(model).hexdigest()}"
        _ = self.resource_handle  # made here, not inside of the first graph

    def _create_resource(self) -> Any:
        from tensorflow_text.python.ops import sentencepiece_tokenizer as ops

        return ops.gen_sentencepiece_tokenizer.sentencepiece_op(
            model=self._content, shared_name=self._shared_name
        )


def _special_ids(processor: Any) -> dict[str, int]:
    """What the model itself says, and control symbols under the names that everybody gives them."""
    known = {
        "pad": processor.pad_id(),
        "unk": processor.unk_id(),
        "start": processor.bos_id(),
        "end": processor.eos_id(),
    }
    for role, names in NAMES.items():
        ids = (processor.piece_to_id(name) for name in names)
        known[role] = next((i for i in ids if processor.is_control(i)), -1)
    return {role: i for role, i in known.items() if i >= 0}


def _surface(processor: Any, i: int) -> bytes:
    """What piece `i` looks like in text."""
    piece = processor.id_to_piece(i)
    if processor.is_control(i):
        return b""
    if processor.is_byte(i):
        return bytes([int(piece[1:-1], base=16)])
    if processor.is_unknown(i):
        return processor.decode([i]).encode()  # as the model says, by default " ⁇ "
    return piece.replace(SPACE, " ").encode()


def _check_alpha(sampling_alpha: float) -> None:
    if not 0 <= sampling_alpha <= 1:
        raise ValueError(f"sampling_alpha must lie between 0 and 1, got {sampling_alpha}")


def _one_of(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
