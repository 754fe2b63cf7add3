"""Processors that hold a row to a length."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import is_int, register, require
from tftransformer.decoding.processors.processor import Processor, of_rows


@register
@dataclass(frozen=True)
class MinLength(Processor):
    """Bans the end token while the row, prompt included, has fewer than `min_length` tokens.

    Args:
        min_length: int ≥ 0.
        end_id: int, the end token.
    """

    min_length: int
    end_id: int

    def __post_init__(self) -> None:
        require(is_int(self.min_length, 0), "min_length", self.min_length, "an int ≥ 0")
        require(is_int(self.end_id, 0), "end_id", self.end_id, "an int ≥ 0")

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return _ban_end(scores, self.end_id, lengths < self.min_length)


@register
@dataclass(frozen=True)
class MinNewTokens(Processor):
    """Bans the end token until `min_new_tokens` tokens have been generated.

    Args:
        min_new_tokens: int ≥ 0, generated tokens that must stand before the end token.
        end_id: int, the end token.
        prompt_length: int, tokens of the prompt, where no strategy calls it, which knows them.
    """

    min_new_tokens: int
    end_id: int
    prompt_length: int = 1

    def __post_init__(self) -> None:
        require(is_int(self.min_new_tokens, 0), "min_new_tokens", self.min_new_tokens, "an int ≥ 0")
        require(is_int(self.end_id, 0), "end_id", self.end_id, "an int ≥ 0")
        require(is_int(self.prompt_length, 1), "prompt_length", self.prompt_length, "an int ≥ 1")

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return _ban_end(scores, self.end_id, lengths - self.prompt_length < self.min_new_tokens)

    def for_prompts(self, lengths: Any) -> Callable[[Any, Any, Any], Any]:
        def process(scores: Any, ids: Any, so_far: Any) -> Any:
            return _ban_end(scores, self.end_id, so_far - lengths < self.min_new_tokens)

        return process


@register
@dataclass(frozen=True)
class ForcedEnd(Processor):
    """Makes the token that brings the row to `max_length` the end token.

    Its score becomes 0, that of all others -inf.

    Args:
        max_length: int ≥ 2, tokens of the row, the prompt included.
        end_id: int, the end token.
    """

    max_length: int
    end_id: int

    def __post_init__(self) -> None:
        require(is_int(self.max_length, 2), "max_length", self.max_length, "an int ≥ 2")
        require(is_int(self.end_id, 0), "end_id", self.end_id, "an int ≥ 0")

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        forced = ops.where(_is_token(scores, self.end_id), 0.0, -np.inf)
        return ops.where(of_rows(lengths == self.max_length - 1), forced, scores)


@register
@dataclass(frozen=True)
class ForcedStart(Processor):
    """Makes the first generated token of each row this one: a language, or a start of texts.

    Its score becomes 0, that of all others -inf.

    Args:
        token_id: int, the token.
        prompt_length: int, tokens of the prompt, where no strategy calls it, which knows them.
    """

    token_id: int
    prompt_length: int = 1

    def __post_init__(self) -> None:
        require(is_int(self.token_id, 0), "token_id", self.token_id, "an int ≥ 0")
        require(is_int(self.prompt_length, 1), "prompt_length", self.prompt_length, "an int ≥ 1")

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return self._forced(scores, lengths == self.prompt_length)

    def for_prompts(self, lengths: Any) -> Callable[[Any, Any, Any], Any]:
        return lambda scores, ids, so_far: self._forced(scores, so_far == lengths)

    def _forced(self, scores: Any, is_first: Any) -> Any:
        forced = ops.where(_is_token(scores, self.token_id), 0.0, -np.inf)
        return ops.where(of_rows(is_first), forced, scores)


def _ban_end(scores: Any, end_id: int | None, banned: Any) -> Any:
    banned = ops.logical_and(_is_token(scores, end_id), of_rows(banned))
    return ops.where(banned, -np.inf, scores)


def _is_token(scores: Any, token_id: int | None) -> Any:
    return ops.arange(ops.shape(scores)[1]) == token_id
