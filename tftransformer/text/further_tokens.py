"""Tokens that a tokenizer comes to know behind its own ones, each as a whole."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tftransformer.text.added_tokens import AddedToken
from tftransformer.text.rewriting import MARK, Rewriter
from tftransformer.text.utf8 import with_replacements

SIGN = "\U0010ffff"  # no character, and Unicode promises that it never becomes one


def check_further(tokenizer: Any, tokens: Sequence[str]) -> None:
    """Raises a ValueError for a token that a tokenizer cannot come to know."""
    special = {token.content for token in tokenizer.added_tokens if token.special}
    special |= {*tokenizer.tokens(tokenizer.special_ids.values())}
    names = tokenizer.tokens(range(tokenizer.vocab_size))
    unknown, seen = tokenizer.special_ids.get("unk"), set()
    for i, (token, ids) in enumerate(zip(tokens, tokenizer.encode(tokens).ids, strict=True)):
        why = ""
        if not token or token != token.strip():
            why = "a token is not empty, and neither begins nor ends with white space"
        elif token in special:
            why = "this is a special token"
        elif token in seen:
            why = "it is given twice"
        elif token in names or (len(ids) == 1 and ids[0] != unknown):
            number = names.index(token) if token in names else int(ids[0])
            why = f"it is known, by the id {number} ({names[number]!r})"
        if why:
            raise ValueError(f"tokens[{i}] is {token!r}: {why}.")
        seen.add(token)


def further_added(tokens: Sequence[str], first: int, of_words: bool) -> tuple[AddedToken, ...]:
    """Tokens with ids from `first` on as added ones.

    Args:
        tokens: as they are spelled.
        first: the id of the first.
        of_words: whether texts are cut into words, within which no word is looked for.
    """
    return tuple(
        AddedToken(token, number, single_word=of_words and (token[0] + token[-1]).isalnum())
        for number, token in enumerate(tokens, first)
    )


class Signed(NamedTuple):
    """Texts in which `SIGN` stands for each token.

    Attributes:
        texts: strings (batch,).
        ids: int32 (signs,), the ids of the tokens, text by text.
        source: of each character the number of the last one in the given text that it stands for:
            int32 (batch, None); None where nobody asked.
    """

    texts: tf.Tensor
    ids: tf.Tensor
    source: tf.RaggedTensor | None = None

    def numbered(self, ids: tf.RaggedTensor, sign: int) -> tf.RaggedTensor:
        """Ids (batch, None) of these texts, with those of the tokens for the id `sign`."""
        is_sign = ids.flat_values == sign
        number = tf.maximum(tf.cumsum(tf.cast(is_sign, tf.int32)) - 1, 0)
        own = tf.gather(tf.concat([self.ids, [0]], axis=0), number)
        return ids.with_flat_values(tf.where(is_sign, own, ids.flat_values))

    def given_place(self, places: tf.RaggedTensor) -> tf.RaggedTensor:
        """How many characters of the given text stand before places, int32 (batch, None)."""
        assert self.source is not None
        first = tf.gather(tf.cast(self.source.row_starts(), tf.int32), places.value_rowids())
        flat, place = tf.concat([self.source.flat_values, [0]], axis=0), places.flat_values
        before = tf.gather(flat, first + tf.maximum(place - 1, 0)) + 1
        return places.with_flat_values(tf.where(place > 0, before, 0))


class WholeTokens(tf.Module):
    """Puts a sign for each token into a text, so that it can be cut in one piece.

    The leftmost token counts, and of several the longest. Who cuts must leave `SIGN` alone, and
    what stands around it gets no blank that is not there.

    Args:
        tokens: as they are spelled.
        first: the id of the first one; the others follow.
    """

    def __init__(self, tokens: Sequence[str], first: int):
        super().__init__()
        self._pattern = "|".join(map(re.escape, sorted(tokens, key=len, reverse=True)))
        # A sign of the text's own is none.
        self._rewriter = Rewriter([["replace", SIGN, "\ufffd"], ["replace", self._pattern, SIGN]])
        ids = {token: number for number, token in enumerate(tokens, first)}
        self._ids = lookup(ids, first)

    def __call__(self, texts: tf.Tensor, with_places: bool = False) -> Signed:
        """Signs strings (batch,)."""
        texts = with_replacements(texts)
        marked = tf.strings.regex_replace(texts, f"({self._pattern})", MARK + rb"\1" + MARK)
        parts = tf.strings.split(marked, MARK)  # text, token, text, …
        is_token = tf.ragged.range(parts.row_lengths()).flat_values % 2 == 1
        ids = self._ids.lookup(tf.boolean_mask(parts.flat_values, is_token))
        if not with_places:
            return Signed(self._rewriter(texts), ids)
        changed = self._rewriter.with_places(texts)
        return Signed(changed.texts, ids, changed.source)


def lookup(ids: Mapping[str, int], unknown: int) -> tf.lookup.StaticHashTable:
    """A table of ids by name."""
    values = tf.constant([*ids.values()], tf.int32)
    table = tf.lookup.KeyValueTensorInitializer(tf.constant([*ids], tf.string), values)
    return tf.lookup.StaticHashTable(table, default_value=unknown)
