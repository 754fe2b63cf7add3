"""Processors that reshape the distribution before a token is drawn from it."""

from dataclasses import dataclass

import numpy as np
from keras import ops

from tftransformer.core import is_int, is_number, register, require
from tftransformer.decoding.processors.processor import Processor


@register
@dataclass(frozen=True)
class Temperature(Processor):
    """Divides the scores: below 1 sharpens the distribution, above 1 flattens it.

    Args:
        temperature: float > 0. Greedy decoding is the limit at 0.
    """

    temperature: float

    def __post_init__(self):
        valid = is_number(self.temperature) and self.temperature > 0
        require(valid, "temperature", self.temperature, "a number > 0; for 0 use Greedy()")

    def __call__(self, scores, ids, length):
        return scores / self.temperature


@register
@dataclass(frozen=True)
class TopK(Processor):
    """Bans all but the `count` best tokens; those equal to the last of them stay, too.

    Args:
        count: int ≥ 1; a larger one than the vocabulary changes nothing.

    Reference: Fan et al. 2018, "Hierarchical Neural Story Generation", §5.4.
    """

    count: int

    def __post_init__(self):
        require(is_int(self.count, 1), "count", self.count, "an int ≥ 1")

    def __call__(self, scores, ids, length):
        best, _ = ops.top_k(scores, min(self.count, scores.shape[-1]))
        return ops.where(scores < best[:, -1:], -np.inf, scores)


@register
@dataclass(frozen=True)
class TopP(Processor):
    """Keeps the smallest set of best tokens that holds at least probability `mass`.

    Tokens equal to the last of them stay, too.

    Args:
        mass: float in (0, 1].
        min_tokens: int ≥ 1, tokens to keep in any case.

    Reference: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", §3.1.
    """

    mass: float
    min_tokens: int = 1

    def __post_init__(self):
        _check_mass(self.mass, self.min_tokens)

    def __call__(self, scores, ids, length):
        ordered, _ = ops.top_k(scores, scores.shape[-1])
        probabilities = ops.softmax(ordered)
        before = ops.cumsum(probabilities, axis=-1) - probabilities
        threshold = _kth(ordered, _count(before < self.mass, self.min_tokens))
        return ops.where(scores < threshold, -np.inf, scores)


@register
@dataclass(frozen=True)
class Typical(Processor):
    """Keeps the tokens whose surprise is nearest the expected one, of probability `mass`.

    Tokens are ranked by `|−log p − H|`, H being the entropy of the distribution.

    Args:
        mass: float in (0, 1].
        min_tokens: int ≥ 1, tokens to keep in any case.

    Reference: Meister et al. 2023, "Locally Typical Sampling", §4.
    """

    mass: float
    min_tokens: int = 1

    def __post_init__(self):
        _check_mass(self.mass, self.min_tokens)

    def __call__(self, scores, ids, length):
        surprise = -ops.log_softmax(scores)
        probabilities = ops.exp(-surprise)
        # A banned token is infinitely surprising and has no part in the entropy.
        terms = ops.where(probabilities > 0, probabilities * surprise, 0.0)
        distance = ops.abs(surprise - ops.sum(terms, axis=-1, keepdims=True))
        nearest, order = ops.top_k(-distance, scores.shape[-1])
        held = ops.take_along_axis(probabilities, order, axis=-1)
        before = ops.cumsum(held, axis=-1) - held
        threshold = _kth(nearest, _count(before < self.mass, self.min_tokens))
        return ops.where(-distance < threshold, -np.inf, scores)


def _check_mass(mass, min_tokens):
    require(is_number(mass) and 0 < mass <= 1, "mass", mass, "a probability in (0, 1]")
    require(is_int(min_tokens, 1), "min_tokens", min_tokens, "an int ≥ 1")


def _count(kept, at_least):
    """Tokens (rows, 1) to keep of the ordered ones, between `at_least` and the vocabulary."""
    count = ops.sum(ops.cast(kept, "int32"), axis=-1, keepdims=True)
    return ops.minimum(ops.maximum(count, at_least), kept.shape[-1])


def _kth(ordered, count):
    """The `count`-th (rows, 1) of the values ordered along axis 1, from 1 on; (rows, 1)."""
    return ops.take_along_axis(ordered, count - 1, axis=-1)
