"""The tokenizers of a `DataProcess`: given, learnt, saved and told from others."""

import hashlib
import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from tftransformer.core import Ragged, check_choice

# Of vocabularies that are learnt here: what a tokenizer that is given has settled already.
LEARNING: dict[str, Any] = {
    "vocab_size": 8000,
    "shared_vocabulary": True,
    "normalization": "identity",
    "character_coverage": None,
    "sampling_alpha": 0.0,
}
NAMES = ("bpe", "unigram", "wordpiece")
AT_ONCE = 100_000  # texts that are cut at a time, so that they are not in memory twice


def kind_of(tokenizer: Any) -> str:
    """What was given as a tokenizer: a `"name"`, `"given"` ones, or a `"learner"`
    (or one for each column of texts).

    Raises:
        TypeError, ValueError: it is none of them.
    """
    if isinstance(tokenizer, str):
        check_choice(NAMES, tokenizer=tokenizer)
        return "name"
    if isinstance(tokenizer, list | tuple):
        kinds = {kind_of(each) for each in tokenizer}
        if kinds == {"given"}:
            return "given"
        if "given" not in kinds:
            return "learner"
    elif isinstance(tokenizer, type):
        if hasattr(tokenizer, "learn"):
            return "learner"
    elif hasattr(tokenizer, "encode") and hasattr(tokenizer, "special_ids"):
        return "given"
    elif callable(tokenizer):
        return "learner"
    raise TypeError(
        f"tokenizer={tokenizer!r}: expected one of {NAMES}, a tokenizer, a class of tokenizers, or "
        "a function from texts and a size to a tokenizer; or one for each text column, of which "
        "all are given, or none."
    )


def one_for_each(tokenizer: Any, texts: int) -> tuple[Any, ...]:
    """One tokenizer, or what learns one, for each of so many text columns."""
    if not isinstance(tokenizer, list | tuple):
        return (tokenizer,) * texts
    if len(tokenizer) != texts:
        raise ValueError(
            f"{len(tokenizer)} tokenizers were given for {texts} columns of text: give one for "
            "all, or one for each."
        )
    return tuple(tokenizer)


def learner_of(
    tokenizer: Any, hides_tokens: bool = False, **options: Any
) -> Callable[[list[str], int], Any]:
    """A function from texts and a size to a tokenizer.

    Args:
        tokenizer: a name, a class, or such a function.
        hides_tokens: whether the named ones get a mask token.
        **options: what `DataProcess` has for the named ones.
    """
    from tftransformer import text

    if isinstance(tokenizer, type):
        learn: Any = tokenizer  # a class of tokenizers
        return learn.learn
    if not isinstance(tokenizer, str):
        return tokenizer
    if hides_tokens:
        options["special_tokens"] = ["[MASK]" if tokenizer == "wordpiece" else "<mask>"]
    if options["character_coverage"] is None:
        del options["character_coverage"]
    if tokenizer == "wordpiece":  # which neither samples nor normalises
        del options["normalization"], options["sampling_alpha"]
        return lambda texts, size: text.WordPieceTokenizer.learn(texts, size, **options)
    return lambda texts, size: text.SentencePieceTokenizer.learn(
        texts, size, kind=tokenizer, **options
    )


def encode(tokenizer: Any, texts: Sequence[str]) -> Ragged:
    """The ids of texts, a part at a time."""
    starts = range(0, len(texts), AT_ONCE)
    return Ragged.concatenate([tokenizer.encode(texts[i : i + AT_ONCE]).ids for i in starts])


def digest_of(tokenizers: Sequence[Any]) -> str:
    """What tells these tokenizers from others: a hexadecimal number."""
    digest = hashlib.sha256()
    for tokenizer in tokenizers:
        settings = json.dumps(tokenizer.get_settings(), sort_keys=True)
        digest.update(tokenizer.vocabulary() + settings.encode())
    return digest.hexdigest()


def save_tokenizers(tokenizers: Sequence[Any], folder: pathlib.Path) -> list[int]:
    """Writes each tokenizer once, into a folder that is called its number.

    Returns:
        for each of `tokenizers` the number of its folder.
    """
    different = list({id(tokenizer): tokenizer for tokenizer in tokenizers}.values())
    for number, tokenizer in enumerate(different):
        tokenizer.save(folder / str(number))
    return [different.index(tokenizer) for tokenizer in tokenizers]


def load_tokenizers(folder: pathlib.Path, numbers: Sequence[int]) -> tuple[Any, ...]:
    """Reads what `save_tokenizers` wrote."""
    from tftransformer.text import load_tokenizer

    loaded = {number: load_tokenizer(folder / str(number)) for number in sorted(set(numbers))}
    return tuple(loaded[number] for number in numbers)
