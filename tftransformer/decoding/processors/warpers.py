"""Processors that reshape the distribution before a token is drawn from it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import check_ints, is_number, register, require
from tftransformer.decoding.processors.processor import Processor


@register
@dataclass(frozen=True)
class Temperature(Processor):
    """Divides the scores: below 1 sharpens the distribution, above 1 flattens it.

    Args:
        temperature: float > 0. Greedy decoding is the limit at 0.
    """

    temperature: float

    def __post_init__(self) -> None:
        valid = is_number(self.temperature) and self.temperature > 0
        require(valid, "temperature", self.temperature, "a number > 0; for 0 use Greedy()")

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return scores / self.temperature


@register
@dataclass(frozen=True)
class TopK(Processor):
    """Bans all but the `top_k` best tokens; those equal to the last of them stay, too.

    Args:
        top_k: int ≥ 1; a larger one than the vocabulary changes nothing.

    Reference: Fan et al. 2018, "Hierarchical Neural Story Generation", §5.4.
    """

    top_k: int

    def __post_init__(self) -> None:
        check_ints(1, top_k=self.top_k)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        best, _ = ops.top_k(scores, min(self.top_k, scores.shape[-1]))
        return ops.where(scores < best[:, -1:], -np.inf, scores)


@register
@dataclass(frozen=True)
class TopP(Processor):
    """Keeps the smallest set of best tokens that holds at least probability `top_p`.

    Tokens equal to the last of them stay, too.

    Args:
        top_p: float in (0, 1].
        min_tokens: int ≥ 1, tokens to keep in any case.

    Reference: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", §3.1.
    """

    top_p: float
    min_tokens: int = 1

    def __post_init__(self) -> None:
        _check_top_p(self.top_p, self.min_tokens)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        ordered, _ = ops.top_k(scores, scores.shape[-1])
        probabilities = ops.softmax(ordered)
        before = ops.cumsum(probabilities, axis=-1) - probabilities
        threshold = _kth(ordered, _count(before < self.top_p, self.min_tokens))
        return ops.where(scores < threshold, -np.inf, scores)


@register
@dataclass(frozen=True)
class Typical(Processor):
    """Keeps tokens of probability `top_p`, by how near their negative log-likelihood is the mean.

    Tokens are ranked by `|−log p − H|`, H being the entropy of the distribution.

    Args:
        top_p: float in (0, 1].
        min_tokens: int ≥ 1, tokens to keep in any case.

    Reference: Meister et al. 2023, "Locally Typical Sampling", §4.
    """

    top_p: float
    min_tokens: int = 1

    def __post_init__(self) -> None:
        _check_top_p(self.top_p, self.min_tokens)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        nll = -ops.log_softmax(scores)
        probabilities = ops.exp(-nll)
        # A banned token has no part in the entropy, where its term would be 0 · ∞.
        terms = ops.where(probabilities > 0, probabilities * nll, 0.0)
        distance = ops.abs(nll - ops.sum(terms, axis=-1, keepdims=True))
        nearest, order = ops.top_k(-distance, scores.shape[-1])
        held = ops.take_along_axis(probabilities, order, axis=-1)
        before = ops.cumsum(held, axis=-1) - held
        threshold = _kth(nearest, _count(before < self.top_p, self.min_tokens))
        return ops.where(-distance < threshold, -np.inf, scores)


@register
@dataclass(frozen=True)
class Renormalized(Processor):
    """Makes log-probabilities of the scores: what others have banned has none of the probability.

    The last one, for beam search, which adds up what it is given.
    """

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return ops.log_softmax(scores)


def _check_top_p(top_p: float, min_tokens: int) -> None:
    require(is_number(top_p) and 0 < top_p <= 1, "top_p", top_p, "a probability in (0, 1]")
    check_ints(1, min_tokens=min_tokens)


def _count(kept: Any, at_least: int) -> Any:
    """Tokens (rows, 1) to keep of the ordered ones, between `at_least` and the vocabulary."""
    count = ops.sum(ops.cast(kept, "int32"), axis=-1, keepdims=True)
    return ops.minimum(ops.maximum(count, at_least), kept.shape[-1])


def _kth(ordered: Any, count: Any) -> Any:
    """The `count`-th (rows, 1) of the values ordered along axis 1, from 1 on; (rows, 1)."""
    return ops.take_along_axis(ordered, count - 1, axis=-1)
