"""What every tokenizer can do, whatever its pieces are."""

import abc
import hashlib
import itertools
import json
import os
import pathlib
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from tftransformer.core import replacing

FORMAT = 1
SETTINGS_FILE = "tokenizer.json"


class Tokenizer(tf.Module, abc.ABC):
    """Strings to ids and back, inside a TensorFlow graph and outside of it.

    A subclass hands over its pieces and writes `tokenize`; the rest stands here. An instance is a
    `tf.Module`: as an attribute of an exported module it brings its tables into the SavedModel.

    Neither way adds a start or an end token: that is the objective's business. Text never yields
    one of the special ids, even where it spells out a special token's name.

    Args:
        pieces: the vocabulary in order of the ids, as a person reads it in a plot.
        surfaces: for each piece the UTF-8 bytes it stands for, empty for special tokens. Text is
            the surfaces one after the other, less leading spaces.
        pad_id, unk_id, start_id, end_id: special ids; -1 where the vocabulary has none.
        leading_spaces: regular expression of the spaces that the first piece brings along and
            that are no part of the text.
    """

    vocabulary_file: str

    def __init__(
        self,
        pieces: Sequence[str],
        surfaces: Sequence[bytes],
        *,
        pad_id: int,
        unk_id: int,
        start_id: int,
        end_id: int,
        leading_spaces: str,
    ):
        super().__init__()
        # A tf.Module wraps lists and dicts for tracking; tuples and constants are left alone.
        self._pieces = tuple(pieces)
        self._surfaces = tf.constant(list(surfaces), tf.string)
        self._leading_spaces = leading_spaces
        self.pad_id = pad_id
        self.unk_id = unk_id
        self.start_id = start_id
        self.end_id = end_id

    @property
    def vocab_size(self) -> int:
        return len(self._pieces)

    @abc.abstractmethod
    def tokenize(self, texts) -> tf.RaggedTensor:
        """Turns strings into ids, in the graph or eagerly.

        Args:
            texts: string tensor (batch,) of UTF-8. Invalid bytes count as U+FFFD.

        Returns:
            int32 RaggedTensor (batch, None), without padding, start or end.
        """

    def detokenize(self, ids) -> tf.Tensor:
        """Turns ids into strings, in the graph or eagerly.

        Args:
            ids: int32 tensor (batch, length), dense or ragged. Padding, start and end vanish,
                wherever they stand.

        Returns:
            string tensor (batch,) of valid UTF-8.

        Raises:
            tf.errors.InvalidArgumentError: an id is outside the vocabulary (on CPU).
        """
        if not isinstance(ids, tf.RaggedTensor):
            ids = tf.RaggedTensor.from_tensor(tf.convert_to_tensor(ids), ragged_rank=1)
        surfaces = ids.with_flat_values(tf.gather(self._surfaces, ids.flat_values))
        texts = tf.strings.reduce_join(surfaces, axis=-1)
        texts = tf.strings.regex_replace(texts, self._leading_spaces, "", replace_global=False)
        # A model may emit bytes that make no character: they become U+FFFD.
        return tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8")

    def encode_flat(self, texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """The fast way through a whole corpus, without a Python list for each sentence.

        Args:
            texts: strings.

        Returns:
            `(ids, splits)`: int32 (tokens,) and int64 (sentences + 1,); sentence i is
            `ids[splits[i] : splits[i + 1]]`.

        Raises:
            ValueError: an element is not a string or not valid Unicode.
        """
        ragged = self.tokenize(tf.constant(check_texts(texts), tf.string))
        return ragged.flat_values.numpy(), ragged.row_splits.numpy()

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        """`encode_flat` as one list of ids for each string."""
        return split(*self.encode_flat(texts))

    def decode(self, ids: Iterable[Sequence[int]]) -> list[str]:
        """`detokenize` for lists of ids."""
        rows = [np.asarray(row, np.int32) for row in ids]
        if not rows:
            return []
        ragged = tf.RaggedTensor.from_row_lengths(np.concatenate(rows), [len(row) for row in rows])
        return [text.decode() for text in self.detokenize(ragged).numpy()]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """The piece behind each id, special ones included: labels for a plot."""
        return [self._pieces[i] for i in ids]

    def id_of(self, token: str) -> int:
        """The id of a piece or special token, by its name.

        Raises:
            ValueError: the vocabulary has no such piece.
        """
        try:
            return self._pieces.index(token)
        except ValueError:
            raise ValueError(
                f"{token!r} is not among the {self.vocab_size} pieces of the vocabulary"
            ) from None

    @abc.abstractmethod
    def vocabulary(self) -> bytes:
        """The content of `vocabulary_file`."""

    @abc.abstractmethod
    def get_settings(self) -> dict:
        """What the constructor takes besides the vocabulary, as plain Python values."""

    @classmethod
    @abc.abstractmethod
    def from_vocabulary(cls, vocabulary: bytes, settings: dict) -> "Tokenizer":
        """The opposite of `vocabulary` and `get_settings`."""

    def save(self, folder: str | os.PathLike) -> None:
        """Writes `tokenizer.json` and the vocabulary into `folder`, which is made if need be.

        Each file is written beside and renamed, the settings last; they carry the vocabulary's
        checksum, so that a half-finished save over an older one is noticed on loading.
        """
        folder = pathlib.Path(folder)
        vocabulary = self.vocabulary()
        settings = {
            "format": FORMAT,
            "class": type(self).__name__,
            "settings": self.get_settings(),
            "sha256": hashlib.sha256(vocabulary).hexdigest(),
        }
        with replacing(folder / self.vocabulary_file) as beside:
            beside.write_bytes(vocabulary)
        with replacing(folder / SETTINGS_FILE) as beside:
            beside.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def as_vector(texts) -> tf.Tensor:
    """`texts` as a string tensor (batch,), or an error that says which shape it has."""
    texts = tf.convert_to_tensor(texts, tf.string)
    if texts.shape.rank not in (None, 1):
        raise ValueError(f"expected strings of shape (batch,), got shape {texts.shape}")
    return texts


def split(ids: np.ndarray, splits: np.ndarray) -> list[list[int]]:
    """The rows of a flat array as lists."""
    ids, splits = ids.tolist(), splits.tolist()
    return [ids[start:end] for start, end in itertools.pairwise(splits)]


def check_texts(texts: Iterable[str]) -> list[str]:
    """Lists `texts`, all of them strings that UTF-8 can hold, or says which one is not."""
    if isinstance(texts, str):
        raise ValueError("expected several strings, got one; put it in a list: [text]")
    texts = list(texts)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"texts[{index}] is {text!r} ({type(text).__name__}), not a string")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise ValueError(
                    f"texts[{index}] holds a lone surrogate (at character {error.start}), which is "
                    "no Unicode text; mend it where it was read, or with "
                    "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')"
                ) from None
    return texts
