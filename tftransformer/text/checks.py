"""Checks of what tokenizers are given."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from tftransformer.text.added_tokens import AddedToken

# What special tokens are for.
ROLES = ("pad", "unk", "start", "end", "mask", "cls", "sep")


def as_vector(texts: Any) -> tf.Tensor:
    """`texts` as a string tensor (batch,), or an error that says which shape it has."""
    texts = tf.convert_to_tensor(texts, tf.string)
    if texts.shape.rank not in (None, 1):
        raise ValueError(f"expected strings of shape (batch,), got shape {texts.shape}")
    return texts


def checked_roles(special_ids: Mapping[str, int], vocab_size: int) -> dict[str, int]:
    """`special_ids` as a dict; raises a ValueError for a role or an id that cannot be."""
    for role, i in special_ids.items():
        if role not in ROLES:
            raise ValueError(
                f"special_ids names {role!r}; a special token is for one of {', '.join(ROLES)}"
            )
        if not 0 <= i < vocab_size:
            raise ValueError(
                f"special_ids[{role!r}] is {i}, outside the vocabulary of {vocab_size} pieces; "
                "leave out what the vocabulary lacks"
            )
    return {role: int(i) for role, i in special_ids.items()}


def check_added(tokens: Sequence[AddedToken], vocab_size: int) -> None:
    """Raises a ValueError for an added token whose id is none of the vocabulary's."""
    for token in tokens:
        if not 0 <= token.id < vocab_size:
            raise ValueError(
                f"added_tokens: {token.content!r} has the id {token.id}, outside the vocabulary of "
                f"{vocab_size} pieces. tokenizer.with_tokens([{token.content!r}]) adds a token."
            )


def check_texts(texts: Iterable[str]) -> list[str]:
    """Lists `texts`, all of them strings that UTF-8 can hold, or says which one is not."""
    if isinstance(texts, str):
        raise ValueError("expected several strings, got one; put it in a list: [text]")
    texts = list(texts)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            turn = ": decode it, as in text.decode('utf-8', 'replace')"
            raise ValueError(
                f"texts[{index}] is {text!r} ({type(text).__name__}), not a string"
                f"{turn if isinstance(text, bytes) else ''}"
            )
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


def check_alpha(sampling_alpha: float) -> None:
    """Raises a ValueError for a strength of sampling that cannot be."""
    if not 0 <= sampling_alpha <= 1:
        raise ValueError(f"sampling_alpha must lie between 0 and 1, got {sampling_alpha}")
