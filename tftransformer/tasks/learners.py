"""What learns the tokenizers of tasks where none is given."""

import re
from collections.abc import Sequence
from typing import Any

from tftransformer.data.vocabularies import kind_of, one_for_each
from tftransformer.text import SentencePieceTokenizer, WordPieceTokenizer
from tftransformer.text.learning import check_corpus, learn_pieces

ROOM_FOR_BYTES = 1000  # pieces of a vocabulary that can spare 256 of them


def learn_unigram(
    texts: list[str],
    vocab_size: int,
    *,
    special_tokens: Sequence[str] = (),
    sampling_alpha: float = 0.2,
) -> SentencePieceTokenizer:
    """Learns a tokenizer for thousands of rows rather than millions.

    Letters count without case, there are no more pieces than the texts yield, and training cuts
    the texts anew in each epoch, so that words share what their parts mean: from 6,000 sentences,
    two points of accuracy (Kudo 2018).
    """
    model = learn_pieces(
        check_corpus(texts),
        vocab_size,
        kind="unigram",
        byte_fallback=False,
        normalization="nmt_nfkc_cf",
        character_coverage=1.0,
        hard_vocab_limit=False,
        special_tokens=special_tokens,
    )
    return SentencePieceTokenizer(model, sampling_alpha)


def learn_bpe(
    texts: list[str], vocab_size: int, *, sampling_alpha: float = 0.0
) -> SentencePieceTokenizer:
    """Learns pieces that give each text back to the character, to write it: no more than there are.

    A line break is a piece of its own. Where the vocabulary has room for bytes, 1,000 pieces or
    more, characters that are very rare or were never seen are made of them.
    """
    corpus = check_corpus(texts)
    while True:
        has_bytes = vocab_size >= ROOM_FOR_BYTES
        try:
            model = learn_pieces(
                corpus,
                vocab_size,
                kind="bpe",
                byte_fallback=has_bytes,
                normalization="identity",
                character_coverage=0.9995 if has_bytes else 1.0,
                user_defined_symbols=["\n"],
            )
            return SentencePieceTokenizer(model, sampling_alpha)
        except ValueError as error:
            most = re.search(r"at most (\d+)$", str(error))
            if most is None or int(most[1]) >= vocab_size:
                raise
            vocab_size = int(most[1])  # fewer still where bytes have no room any more


def learn_wordpieces(texts: list[str], vocab_size: int) -> WordPieceTokenizer:
    """Learns pieces of words that are parted from punctuation marks, as many as there are."""
    return WordPieceTokenizer.learn(texts, vocab_size, exactly=False)


def learn_words(texts: list[str], vocab_size: int) -> WordPieceTokenizer:
    """Learns whole words without case, for models that read spellings: those seen twice or more."""
    return WordPieceTokenizer.of_words(texts, vocab_size, lower_case=True, strip_accents=False)


def sampled(tokenizers: Sequence[Any], alpha: float) -> tuple[Any, ...]:
    """Returns tokenizers that cut as the given ones, and training texts at random if asked.

    Args:
        tokenizers: the tokenizers, several of which may be the same object.
        alpha: their `sampling_alpha`; 0: they are as they were given.

    Raises:
        ValueError: if one cuts a text in one way alone.
    """
    if not alpha:
        return tuple(tokenizers)
    made = {}
    for tokenizer in tokenizers:
        if not hasattr(tokenizer, "sampling_alpha"):
            raise ValueError(
                f"sampling_alpha={alpha}: a {type(tokenizer).__name__} cuts a text in one way "
                "alone. Leave it out."
            )
        settings = {**tokenizer.get_settings(), "sampling_alpha": alpha}
        made[id(tokenizer)] = type(tokenizer).from_vocabulary(tokenizer.vocabulary(), settings)
    return tuple(made[id(tokenizer)] for tokenizer in tokenizers)


def options_of_two(learners: Any, vocab_size: int, alpha: float) -> dict[str, Any]:
    """What a `DataProcess` of two columns of texts is told of tokenizers, given or to be learnt.

    Args:
        learners: `tokenizer` of `DataProcess`.
        vocab_size: of those that are learnt.
        alpha: their `sampling_alpha`; 0: they are as they were given.
    """
    if kind_of(learners) == "given":
        return {"tokenizer": sampled(one_for_each(learners, 2), alpha)}
    return {"tokenizer": learners, "vocab_size": vocab_size, "sampling_alpha": alpha}
