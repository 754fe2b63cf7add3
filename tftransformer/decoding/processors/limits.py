"""Processors that hold a row to a length."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import check_ints, is_int, register, require
from tftransformer.core.selection import among
from tftransformer.decoding.processors.processor import Processor, ids_of, of_rows


@register
@dataclass(frozen=True)
class MinLength(Processor):
    """Bans the end token while the row, prompt included, has fewer than `min_length` tokens.

    Args:
        min_length: int ≥ 0.
        end_id: int, the end token, or several.
    """

    min_length: int
    end_id: int | Sequence[int]

    def __post_init__(self) -> None:
        check_ints(0, min_length=self.min_length)
        _take_ends(self)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return _ban_end(scores, self.end_id, lengths < self.min_length)


@register
@dataclass(frozen=True)
class MinNewTokens(Processor):
    """Bans the end token until `min_new_tokens` tokens have been generated.

    Args:
        min_new_tokens: int ≥ 0, generated tokens that must stand before the end token.
        end_id: int, the end token, or several.
        prompt_length: int, tokens of the prompt; only for calls without a strategy, which knows
            them.
    """

    min_new_tokens: int
    end_id: int | Sequence[int]
    prompt_length: int = 1

    def __post_init__(self) -> None:
        check_ints(0, min_new_tokens=self.min_new_tokens)
        check_ints(1, prompt_length=self.prompt_length)
        _take_ends(self)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return _ban_end(scores, self.end_id, lengths - self.prompt_length < self.min_new_tokens)

    def for_rows(self, prompts: Any, limits: Any) -> Callable[[Any, Any, Any], Any]:
        def process(scores: Any, ids: Any, lengths: Any) -> Any:
            return _ban_end(scores, self.end_id, lengths - prompts < self.min_new_tokens)

        return process


@register
@dataclass(frozen=True)
class ForcedEnd(Processor):
    """Forces the last token that a row has room for to be the end token.

    Its score becomes 0, that of all others -inf.

    Args:
        max_length: int ≥ 2, tokens of the row, the prompt included; None: the limit of the strategy
            that calls it.
        end_id: int, the end token.
    """

    max_length: int | None
    end_id: int

    def __post_init__(self) -> None:
        check_ints(2, or_none=True, max_length=self.max_length)
        check_ints(0, end_id=self.end_id)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        if self.max_length is None:
            raise ValueError("max_length=None: it is a strategy that says how long rows may be.")
        return _force(scores, self.end_id, lengths == self.max_length - 1)

    def for_rows(self, prompts: Any, limits: Any) -> Callable[[Any, Any, Any], Any]:
        if self.max_length is not None:
            return self

        def process(scores: Any, ids: Any, lengths: Any) -> Any:
            return _force(scores, self.end_id, lengths == prompts + limits - 1)

        return process


@register
@dataclass(frozen=True)
class ForcedStart(Processor):
    """Forces the first generated token of each row, such as a language code.

    Its score becomes 0, that of all others -inf.

    Args:
        token_id: int, the token.
        prompt_length: int, tokens of the prompt; only for calls without a strategy, which knows
            them.
    """

    token_id: int
    prompt_length: int = 1

    def __post_init__(self) -> None:
        check_ints(0, token_id=self.token_id)
        check_ints(1, prompt_length=self.prompt_length)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return _force(scores, self.token_id, lengths == self.prompt_length)

    def for_rows(self, prompts: Any, limits: Any) -> Callable[[Any, Any, Any], Any]:
        return lambda scores, ids, lengths: _force(scores, self.token_id, lengths == prompts)


def _take_ends(processor: Any) -> None:
    """Checks the end tokens of a processor; several become a tuple, which can be hashed."""
    ends = ids_of(processor.end_id)
    fits = all(is_int(end, 0) for end in ends)
    require(fits, "end_id", processor.end_id, "an int ≥ 0, or several in a list")
    object.__setattr__(processor, "end_id", ends if len(ends) > 1 else ends[0])


def _force(scores: Any, token_id: Any, forced: Any) -> Any:
    """0 for the token and -inf for all others in the rows where it is forced, bool (rows,)."""
    alone = ops.where(_is_token(scores, token_id), 0.0, -np.inf)
    return ops.where(of_rows(forced), alone, scores)


def _ban_end(scores: Any, end_id: Any, banned: Any) -> Any:
    """-inf for the end tokens in the rows where they are banned, bool (rows,)."""
    banned = ops.logical_and(_is_token(scores, end_id), of_rows(banned))
    return ops.where(banned, -np.inf, scores)


def _is_token(scores: Any, token_id: Any) -> Any:
    return among(ops.arange(ops.shape(scores)[1]), ids_of(token_id))
