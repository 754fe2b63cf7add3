"""The base of all tokenizers."""

import abc
import functools
import hashlib
import json
import os
import pathlib
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import tensorflow as tf

from tftransformer.core import Ragged, replacing
from tftransformer.text.added_tokens import BEHIND, AddedToken, around_added
from tftransformer.text.checks import as_vector, check_added, check_texts, checked_roles
from tftransformer.text.encoding import Encoding
from tftransformer.text.further_tokens import check_further, further_added
from tftransformer.text.rewriting import Rewriter, traced_back
from tftransformer.text.utf8 import with_replacements

FORMAT = 2
BLOCK = 4096  # texts at once, since what is known of each character takes room
SETTINGS_FILE = "tftransformer_tokenizer.json"
# Blanks that only a tokenizer put there, and what stays of each match.
CLEAN_UP = ((r" ([.?!,])", r"\1"), (" ' ", "'"), (r" (n't|'m|'s|'ve|'re)", r"\1"))
# The classes that a saved tokenizer may name, by it: see `register`.
CLASSES: dict[str, Any] = {}


class Tokenizer(tf.Module, abc.ABC):
    """Strings to ids and back, inside a TensorFlow graph and outside.

    A subclass passes its pieces to the constructor and defines `cut` (and, for places,
    `cut_with_places`); the rest is here. An instance is a `tf.Module`: as an attribute of an
    exported module it puts its tables into the SavedModel.

    Neither direction adds a start or an end token: objectives do that. Text never becomes a special
    id, even if it spells out the name of a special token, unless you pass `allow_special`, which
    you should not do for untrusted text.

    Args:
        pieces: the vocabulary in order of the ids, in a readable form.
        surfaces: for each piece the UTF-8 bytes that it stands for, empty for special tokens. A
            text is the concatenation of the surfaces, without leading spaces.
        special_ids: the special tokens of the vocabulary by role: some of `"pad"`, `"unk"`,
            `"start"`, `"end"`, `"mask"`, `"cls"`, `"sep"`. Roles without a token are left out; a
            token may have several roles.
        leading_spaces: regular expression of the spaces of the first piece that are not part of the
            text.
        added_tokens: tokens that are recognised in a text before it is cut: special ones only with
            `allow_special`, others always. Default: the pieces without a surface and those of
            `special_ids`, each taking in a blank before it and, if the tokenizer puts one in front
            of a text, one after it.
        rewriting: how texts are changed before they are cut, see `Rewriter`; places refer to the
            texts as given.
        spelled: what `keep_special` writes for pieces without a surface, by id; default: their
            names.
        further_tokens: tokens that `with_tokens` added; their ids come after all others.

    Attributes:
        ends_words: whether a space belongs to the piece before it, and no text ends with one.
        joint: what is added before and after the surface of a whole word, if texts are cut into
            words.
    """

    vocabulary_file: str
    ends_words: ClassVar[bool] = False
    joint: ClassVar[tuple[str, str]] = "", ""

    def __init__(
        self,
        pieces: Sequence[str],
        surfaces: Sequence[bytes],
        *,
        special_ids: Mapping[str, int],
        leading_spaces: str,
        added_tokens: Sequence[AddedToken] | None = None,
        rewriting: Sequence[Sequence[str]] = (),
        spelled: Mapping[int, bytes] | None = None,
        further_tokens: Sequence[str] = (),
    ):
        super().__init__()
        # A tf.Module wraps lists and dicts for tracking; tuples and constants are left alone.
        self.further_tokens = tuple(further_tokens)
        self._pieces = (*pieces, *further_tokens)
        words = [token.join(self.joint).encode() for token in further_tokens]
        self._surfaces = tf.constant([*surfaces, *words], tf.string)
        self._leading_spaces = leading_spaces
        silent = [i for i, surface in enumerate(surfaces) if not surface]
        self._spelled = types.MappingProxyType(
            {i: self._pieces[i].encode() for i in silent} | dict(spelled or {})
        )
        self.takes_one_blank = added_tokens is None
        self.rewriting = tuple(map(tuple, rewriting))
        self._rewriter = Rewriter(rewriting) if rewriting else None
        if added_tokens is None:
            ids = {*silent, *special_ids.values()} & {*range(len(pieces))}
            takes = {"lstrip": True, "rstrip": leading_spaces != "^"}
            added_tokens = [
                AddedToken(self._pieces[i], i, special=True, normalized=False, **takes)
                for i in sorted(ids)
            ]
        check_added(added_tokens, len(pieces))
        self._given_tokens = tuple(added_tokens)
        self.added_tokens = self._given_tokens + self._added_further(len(pieces))
        self.special_ids = types.MappingProxyType(checked_roles(special_ids, len(pieces)))

    @property
    def vocab_size(self) -> int:
        """The number of pieces, special tokens included."""
        return len(self._pieces)

    @property
    def surfaces(self) -> list[bytes]:
        """The bytes that each id writes; none for special ids."""
        return list(self._surfaces.numpy())

    @property
    def strips(self) -> tuple[bool, bool]:
        """Whether `detokenize` may strip white space at the start of a text, and at its end."""
        at_end = self.ends_words or self._leading_spaces.endswith("$")
        return self._leading_spaces != "^", at_end

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_vocabulary, (self.vocabulary(), self.get_settings())

    def with_tokens(self, tokens: Iterable[str]) -> Self:
        """Returns a tokenizer of the same kind with further tokens, each kept whole.

        They are found before a text is cut: the leftmost first, and of several there the longest. A
        word is also found inside other words, unless the tokenizer cuts texts into words; then it
        must be a word by itself, in either case if the tokenizer lower-cases texts. New ids follow
        the known ones, in the order given; nothing else changes, nor do the ids of texts without
        these tokens.

        Args:
            tokens: strings, such as `["zebra", "<url>"]`.

        Raises:
            ValueError: one is known, special, given twice, or begins or ends with white space.

        Example:

        >>> pieces = ["[UNK]", "a", "runs", "ze", "##bra"]
        >>> tokenizer = tt.WordPieceTokenizer(pieces).with_tokens(["zebra"])
        >>> tokenizer.encode(["a zebra runs"]).ids.tolist(), tokenizer.vocab_size
        ([[1, 5, 2]], 6)
        """
        tokens = check_texts(tokens)
        check_further(self, tokens)
        settings = {**self.get_settings(), "further_tokens": [*self.further_tokens, *tokens]}
        return self.from_vocabulary(self.vocabulary(), settings)

    def _added_further(self, first: int) -> tuple[AddedToken, ...]:
        """The further tokens, from the id `first` on, as those that `around_added` finds."""
        return further_added(self.further_tokens, first, self.joint != ("", ""))

    @property
    def _further_settings(self) -> dict[str, list[str]]:
        """What `get_settings` says of them: nothing where there are none."""
        return {"further_tokens": [*self.further_tokens]} if self.further_tokens else {}

    @property
    def _known(self) -> tuple[str, ...]:
        """The pieces that are no further tokens."""
        return self._pieces[: len(self._pieces) - len(self.further_tokens)]

    @abc.abstractmethod
    def cut(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Cuts texts into pieces, in the graph or eagerly; `tokenize` adds the added tokens.

        Args:
            texts: string tensor (batch,). Invalid bytes count as U+FFFD.

        Returns:
            int32 RaggedTensor (batch, None).
        """

    def cut_with_places(self, texts: tf.Tensor) -> dict[str, tf.RaggedTensor]:
        """Cuts texts and returns the place of each piece, for `tokenize_with_places`."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say where its pieces stand: define "
            "cut_with_places(texts)"
        )

    def tokenize(self, texts: Any, *, allow_special: bool = False) -> tf.RaggedTensor:
        """Turns strings into ids, in the graph or eagerly.

        Args:
            texts: string tensor (batch,) of UTF-8. Invalid bytes count as U+FFFD.
            allow_special: whether the name of a special token in a text, such as `[MASK]`, becomes
                its id; otherwise it is ordinary text.

        Returns:
            int32 RaggedTensor (batch, None), without padding, start or end.
        """
        return self._around_added(self._cut_changed, texts, allow_special)["ids"]

    def tokenize_with_places(
        self, texts: Any, *, allow_special: bool = False
    ) -> dict[str, tf.RaggedTensor]:
        """Turns strings into ids with the place of each piece, in the graph or eagerly.

        Args:
            texts, allow_special: as in `tokenize`.

        Returns:
            `"ids"`, those of `tokenize`, with their `"starts"`, `"ends"` and `"words"`, as in
            `Encoding`: four int32 RaggedTensors (batch, None).
        """
        return self._around_added(self._cut_changed_with_places, texts, allow_special)

    def _cut_changed(self, texts: tf.Tensor) -> dict[str, tf.RaggedTensor]:
        """`cut` behind `rewriting`."""
        if self._rewriter is not None:
            texts = self._rewriter(with_replacements(texts))
        return {"ids": self.cut(texts)}

    def _cut_changed_with_places(self, texts: tf.Tensor) -> dict[str, tf.RaggedTensor]:
        """`cut_with_places` behind `rewriting`."""
        if self._rewriter is None:
            return self.cut_with_places(texts)
        changed = self._rewriter.with_places(with_replacements(texts))
        found = self.cut_with_places(changed.texts)
        starts, ends = traced_back(found["starts"], found["ends"], changed.source)
        return found | {"starts": starts, "ends": ends}

    def _looked_for(self, allow_special: bool) -> list[AddedToken]:
        """The tokens that a text may spell out."""
        return [token for token in self.added_tokens if allow_special or not token.special]

    def _around_added(
        self, cut: Callable[[tf.Tensor], dict[str, tf.RaggedTensor]], texts: Any, allowed: bool
    ) -> dict[str, tf.RaggedTensor]:
        lowers = bool(getattr(self, "lower_case", False))
        # Those of the text as given come first; the others are looked for in what is between.
        for normalized in (True, False):
            tokens = [x for x in self._looked_for(allowed) if x.normalized == normalized]
            cut = functools.partial(
                around_added,
                cut,
                tokens=tokens,
                takes_one_blank=self.takes_one_blank,
                ignores_case=lowers,
                tells_behind=any(BEHIND in part for step in self.rewriting for part in step),
            )
        return cut(as_vector(texts))

    def detokenize(
        self,
        ids: Any,
        *,
        continues: bool = False,
        keep_special: bool = False,
        clean_up: bool = False,
    ) -> tf.Tensor:
        """Turns ids into strings, in the graph or eagerly.

        Args:
            ids: int32 tensor (batch, length), dense or ragged. Padding, start and end tokens are
                dropped, wherever they are.
            continues: whether the ids continue a text, such as a prompt: then the blank of the
                first piece is kept, so that the strings can be appended to that text.
            keep_special: whether special tokens are spelled out.
            clean_up: whether to remove blanks before punctuation marks and around English
                apostrophes, as with `clean_up_tokenization_spaces` of Hugging Face.

        Returns:
            string tensor (batch,) of valid UTF-8.

        Raises:
            tf.errors.InvalidArgumentError: an id is outside the vocabulary (on CPU).
        """
        if not isinstance(ids, tf.RaggedTensor):
            ids = tf.RaggedTensor.from_tensor(tf.convert_to_tensor(ids), ragged_rank=1)
        known = self._all_surfaces() if keep_special else self._surfaces
        surfaces = ids.with_flat_values(tf.gather(known, ids.flat_values))
        texts = tf.strings.reduce_join(surfaces, axis=-1)
        if not continues:
            texts = tf.strings.regex_replace(texts, self._leading_spaces, "")
        # A model may emit bytes that make no character: they become U+FFFD.
        texts = with_replacements(texts)
        for pattern, kept in CLEAN_UP if clean_up else ():
            texts = tf.strings.regex_replace(texts, pattern, kept)
        return texts

    def _all_surfaces(self) -> tf.Tensor:
        """The surfaces, those of special tokens spelled out."""
        places = tf.constant([[i] for i in self._spelled], tf.int32, [len(self._spelled), 1])
        spelled = tf.constant([*self._spelled.values()], tf.string)
        return tf.tensor_scatter_nd_update(self._surfaces, places, spelled)

    def encode(self, texts: Iterable[str], *, allow_special: bool = False) -> Encoding:
        """Turns strings into ids, outside a graph; fast for a whole corpus.

        Args:
            texts: strings.
            allow_special: as in `tokenize`.

        Returns:
            the `Encoding`, whose `ids` are a `Ragged` with a row of int32 for each string.

        Raises:
            ValueError: an element is not a string or not valid Unicode.
        """
        texts = check_texts(texts)
        rows = [self.tokenize(block, allow_special=allow_special) for block in _blocks(texts)]
        ids = [Ragged(row.flat_values.numpy(), row.row_splits.numpy()) for row in rows]
        return Encoding(Ragged.concatenate(ids), lambda: self._places(texts, allow_special))

    def _places(self, texts: Sequence[str], allow_special: bool) -> tuple[np.ndarray, ...]:
        """`starts`, `ends` and `words` of all pieces of the texts."""
        found = [
            self.tokenize_with_places(block, allow_special=allow_special)
            for block in _blocks(texts)
        ]
        return tuple(
            np.concatenate([block[name].flat_values.numpy() for block in found])
            for name in ("starts", "ends", "words")
        )

    def decode(self, ids: Iterable[Sequence[int]], **manner: bool) -> list[str]:
        """`detokenize` for lists of ids, with its keyword arguments."""
        rows = [np.asarray(row, np.int32) for row in ids]
        if not rows:
            return []
        ragged = tf.RaggedTensor.from_row_lengths(np.concatenate(rows), [len(row) for row in rows])
        texts = self.detokenize(ragged, **manner)
        return [text.decode() for text in texts.numpy()]

    def tokens(self, ids: Iterable[int]) -> list[str]:
        """Returns the piece of each id, special ones included, as labels for a plot."""
        return [self._pieces[i] for i in ids]

    def id_of(self, token: str) -> int:
        """Returns the id of a piece or special token, by its name.

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
    def from_vocabulary(cls, vocabulary: bytes, settings: dict) -> Self:
        """Makes a tokenizer from its `vocabulary` and `get_settings`."""

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the settings and the vocabulary into `folder`, which is created if missing.

        Each file is written under another name and then renamed, the settings last. They hold the
        checksum of the vocabulary, so that loading notices an unfinished overwrite.

        Raises:
            TypeError: the class is not registered, see `tt.text.register`.
        """
        if CLASSES.get(type(self).__name__) is not type(self):
            raise TypeError(
                f"{type(self).__name__} is not registered, so it could not be loaded again: put "
                "@tt.text.register before the class"
            )
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


def _blocks(texts: Sequence[str]) -> Iterator[tf.Tensor]:
    """Some texts at a time, at least once."""
    for start in range(0, max(len(texts), 1), BLOCK):
        yield tf.constant(texts[start : start + BLOCK], tf.string)
