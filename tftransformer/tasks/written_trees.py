"""Trees as rows of symbols: written for a model to learn, learnt, held to rules, read again."""

from typing import Any

import numpy as np
import tensorflow as tf

from tftransformer.scores.trees import Tree
from tftransformer.tasks.tree_strings import with_brackets
from tftransformer.text import SentencePieceTokenizer
from tftransformer.text.learning import SPACE, check_corpus, learn_pieces

# Stands for a word and its tag; and the label of a bracket about which nothing else is known.
WORD, UNKNOWN = "XX", "X"
NOTHING, OPENS, CLOSES, IS_WORD = range(4)


def symbols(tree: Tree) -> str:
    """A tree without its words, symbol by symbol (Vinyals et al. 2015).

    >>> symbols(Tree.read("(S (NP (NN we)) (VP (VB go)))"))
    '(S (NP XX )NP (VP XX )VP )S'
    """
    found = []
    for part, closes in tree.walk():
        if not part.is_word:
            found.append(f"{'()'[closes]}{part.label}")
        elif closes:
            found.append(WORD)
    return " ".join(found)


def learn_symbols(texts: list[str], vocab_size: int) -> SentencePieceTokenizer:
    """Learns symbols that blanks part, each a piece; so many at most."""
    model = learn_pieces(
        [*check_corpus(texts), f"({UNKNOWN} {WORD} ){UNKNOWN}"],
        vocab_size,
        kind="word",
        byte_fallback=False,
        normalization="identity",
        character_coverage=1.0,
        hard_vocab_limit=False,
    )
    return SentencePieceTokenizer(model, sampling_alpha=0.0)


class Symbols:
    """What each piece of a vocabulary of symbols does.

    Args:
        tokenizer: what `learn_symbols` returns.

    Raises:
        ValueError: if it is another one.
    """

    def __init__(self, tokenizer: SentencePieceTokenizer):
        size = tokenizer.vocab_size
        names = [name.removeprefix(SPACE) for name in tokenizer.tokens(range(size))]
        if WORD not in names:
            raise ValueError(
                f"the target tokenizer has no symbol {WORD}, by which trees are written. Symbols "
                "are learnt with a model: give one that a SequenceParser has saved, or the sizes "
                "of one to train from scratch."
            )
        self.end_id = tokenizer.special_ids["end"]
        kinds = {"(": OPENS, ")": CLOSES}
        of_ids = [IS_WORD if name == WORD else kinds.get(name[0], NOTHING) for name in names]
        closing = {name: i for i, name in enumerate(names)}
        self.kinds = np.array(of_ids, np.int32)  # tensors would have to be tracked in an export
        # Of a bracket that opens the one that closes it.
        self.partners = np.array([closing.get(f"){name[1:]}", 0) for name in names], np.int32)
        written = {OPENS: "{} ", CLOSES: ")"}
        self.strings = [
            written.get(of, "").format(name) for of, name in zip(of_ids, names, strict=True)
        ]

    def trees(self, ids: tf.Tensor, words: tf.RaggedTensor) -> tf.Tensor:
        """Trees in brackets, whose words have the tag `WORD`: string (texts,).

        Args:
            ids: int (texts, symbols), without a start, each of a whole tree.
            words: strings (texts, None).
        """
        kinds, strings = tf.gather(self.kinds, ids), tf.gather(self.strings, ids)
        used = tf.cumsum(tf.cast(kinds == IS_WORD, tf.int64), axis=1)
        place = used + words.row_starts()[:, None]
        count = tf.size(words.flat_values, tf.int64)

        def of_words(which: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
            parts, place = tf.boolean_mask(strings, which), tf.boolean_mask(place, which)
            return tf.strings.unsorted_segment_join(parts, place, count)

        opening, closing = of_words(kinds == OPENS, place), of_words(kinds == CLOSES, place - 1)
        return with_brackets(words, opening, tf.fill([count], WORD), closing)

    def ban(
        self,
        words: tf.Tensor,
        limits: tf.Tensor,
        scores: tf.Tensor,
        ids: tf.Tensor,
        lengths: tf.Tensor,
    ) -> tf.Tensor:
        """Bans what would make no tree over so many words; a processor once these are given.

        A bracket closes only as the one that opened last, behind what it holds; the outermost one
        only behind the last word, and then the text ends. None opens behind the last word, nor
        where the symbols that are left would not suffice to end the tree.

        Args:
            words: int32 (rows,).
            limits: int32 (rows,), most symbols, the end included: `fewest` of them or more.
            scores, ids, lengths: see `Processor`.
        """
        place = tf.range(tf.shape(ids)[1])
        kinds = tf.where(place < lengths[:, None], tf.gather(self.kinds, ids), NOTHING)
        opens = kinds == OPENS
        depths = tf.cumsum(tf.cast(opens, tf.int32) - tf.cast(kinds == CLOSES, tf.int32), axis=1)
        depth = depths[:, -1]
        left = words - tf.reduce_sum(tf.cast(kinds == IS_WORD, tf.int32), axis=1)
        inner = tf.reduce_max(tf.where(opens & (depths == depth[:, None]), place, 0), axis=1)
        partner = tf.gather(self.partners, tf.gather(ids, inner, batch_dims=1))
        begins = (depth == 0) & (left == words)
        behind = limits - lengths  # symbols that may follow the next one
        is_empty = tf.gather(opens, lengths - 1, batch_dims=1)
        may = {
            OPENS: (left > 0) & (begins | (depth > 0)) & (behind >= left + depth + 2),
            IS_WORD: (left > 0) & ((depth > 0) | (begins & (words == 1))),
            CLOSES: (depth > 1 - tf.cast(left == 0, tf.int32)) & ~is_empty,
            NOTHING: (left == 0) & (depth == 0),
        }
        number = np.arange(len(self.kinds))
        fits = {
            OPENS: self.kinds == OPENS,
            IS_WORD: self.kinds == IS_WORD,
            CLOSES: number == partner[:, None],
            NOTHING: number == self.end_id,
        }
        allowed = [may[kind][:, None] & fits[kind] for kind in may]
        allowed = tf.reduce_any([tf.broadcast_to(x, tf.shape(scores)) for x in allowed], axis=0)
        return tf.where(allowed, scores, -float("inf"))


def fewest(words: Any) -> Any:
    """Symbols that a tree over so many words takes at least, its end included."""
    return words + 3
