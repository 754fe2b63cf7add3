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
        best = "at 0 the best token is taken each time: do_sample=False, or Greedy()"
        require(valid, "temperature", self.temperature, f"a number > 0; {best}")

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return scores / self.temperature


@register
@dataclass(frozen=True)
class TopK(Processor):
    """Bans all but the `top_k` best tokens and those that score the same as the last of them.

    Args:
        top_k: int ≥ 1; a number larger than the vocabulary changes nothing.

    Reference: Fan et al. 2018, "Hierarchical Neural Story Generation", §5.4.
    """

    top_k: int

    def __post_init__(self) -> None:
        check_ints(1, top_k=self.top_k)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        best, _ = ops.top_k(scores, min(self.top_k, scores.shape[-1]))
        return ops.where(scores < best[:, -1:], -np.inf, scores)


@dataclass(frozen=True)
class _Nucleus(Processor):
    """Base of processors that keep the fewest first tokens that hold probability `top_p`."""

    top_p: float
    min_tokens: int = 1

    def __post_init__(self) -> None:
        _check_share(top_p=self.top_p)
        check_ints(1, min_tokens=self.min_tokens)

    def _kept(self, scores: Any, ranks: Any, ordered: Any, held: Any) -> Any:
        """Bans all tokens but the first ones, by `ranks`, that hold the probability.

        Args:
            scores: float tensor (rows, vocab).
            ranks: float tensor (rows, vocab), highest for the token to keep first.
            ordered: the ranks in descending order.
            held: the probabilities of the tokens in that order.
        """
        before = ops.cumsum(held, axis=-1) - held
        count = ops.sum(ops.cast(before < self.top_p, "int32"), axis=-1, keepdims=True)
        count = ops.minimum(ops.maximum(count, self.min_tokens), scores.shape[-1])
        threshold = ops.take_along_axis(ordered, count - 1, axis=-1)
        return ops.where(ranks < threshold, -np.inf, scores)


@register
@dataclass(frozen=True)
class TopP(_Nucleus):
    """Keeps the smallest set of best tokens that holds at least probability `top_p`.

    Tokens that score the same as the last of them are kept, too.

    Args:
        top_p: float in (0, 1].
        min_tokens: int ≥ 1, tokens to keep in any case.

    Reference: Holtzman et al. 2020, "The Curious Case of Neural Text Degeneration", §3.1.
    """

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        ordered, _ = ops.top_k(scores, scores.shape[-1])
        return self._kept(scores, scores, ordered, ops.softmax(ordered))


@register
@dataclass(frozen=True)
class MinP(Processor):
    """Bans tokens with less than `min_p` times the probability of the best one.

    Args:
        min_p: float in (0, 1].

    >>> MinP(0.4)(np.log([[0.6, 0.3, 0.1]]), None, None) > -np.inf
    <tf.Tensor: ... numpy=array([[ True,  True, False]])>

    Reference: Nguyen et al. 2024, "Turning Up the Heat: Min-p Sampling for Creative and Coherent
    LLM Outputs", §3.
    """

    min_p: float

    def __post_init__(self) -> None:
        _check_share(min_p=self.min_p)

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        best = ops.max(scores, axis=-1, keepdims=True)
        return _at_least(scores, scores, best + float(np.log(self.min_p)))


@dataclass(frozen=True)
class _Cutoff(Processor):
    """Base of what bans tokens of a probability below a bound that `epsilon` sets."""

    epsilon: float

    def __post_init__(self) -> None:
        _check_share(epsilon=self.epsilon)


@register
@dataclass(frozen=True)
class Epsilon(_Cutoff):
    """Bans tokens with a probability below `epsilon`, but never the best one.

    Args:
        epsilon: float in (0, 1].

    >>> Epsilon(0.2)(np.log([[0.6, 0.3, 0.1]]), None, None) > -np.inf
    <tf.Tensor: ... numpy=array([[ True,  True, False]])>

    Reference: Hewitt et al. 2022, "Truncation Sampling as Language Model Desmoothing", §4.
    """

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return _at_least(scores, ops.log_softmax(scores), float(np.log(self.epsilon)))


@register
@dataclass(frozen=True)
class Eta(_Cutoff):
    """Bans tokens with a probability below min(`epsilon`, √`epsilon` · exp(−H)).

    The best token is never banned. H is the entropy of the distribution: where it is flat, less
    probable tokens stay.

    Args:
        epsilon: float in (0, 1].

    >>> Eta(0.2)(np.log([[0.6, 0.3, 0.1]]), None, None) > -np.inf
    <tf.Tensor: ... numpy=array([[ True,  True, False]])>

    Reference: Hewitt et al. 2022, "Truncation Sampling as Language Model Desmoothing", §4.
    """

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        logs = ops.log_softmax(scores)
        highest = float(np.log(self.epsilon))
        return _at_least(scores, logs, ops.minimum(highest, highest / 2 - _entropy(logs)))


@register
@dataclass(frozen=True)
class Typical(_Nucleus):
    """Keeps tokens of probability `top_p`, those nearest to the expected information content.

    Tokens are ranked by `|−log p − H|`, H being the entropy of the distribution.

    Args:
        top_p: float in (0, 1].
        min_tokens: int ≥ 1, tokens to keep in any case.

    >>> Typical(0.2)(np.log([[0.6, 0.3, 0.1]]), None, None) > -np.inf
    <tf.Tensor: ... numpy=array([[False,  True, False]])>

    Reference: Meister et al. 2023, "Locally Typical Sampling", §4.
    """

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        logs = ops.log_softmax(scores)
        nearness = -ops.abs(logs + _entropy(logs))
        ordered, order = ops.top_k(nearness, scores.shape[-1])
        held = ops.take_along_axis(ops.exp(logs), order, axis=-1)
        return self._kept(scores, nearness, ordered, held)


@register
@dataclass(frozen=True)
class Renormalized(Processor):
    """Turns scores into log-probabilities, so that banned tokens have no probability.

    Put it last, for beam search, which adds up the scores that it is given.
    """

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        return ops.log_softmax(scores)


def _check_share(**named: float) -> None:
    for name, value in named.items():
        require(is_number(value) and 0 < value <= 1, name, value, "a probability in (0, 1]")


def _entropy(logs: Any) -> Any:
    """The entropy (rows, 1) of log-probabilities (rows, vocab)."""
    probabilities = ops.exp(logs)
    # A banned token has no part in it, where its term would be 0 · ∞.
    terms = ops.where(probabilities > 0, probabilities * logs, 0.0)
    return -ops.sum(terms, axis=-1, keepdims=True)


def _at_least(scores: Any, logs: Any, least: Any) -> Any:
    """The scores of tokens whose `logs` are at least `least`, and of the best one."""
    best = ops.max(logs, axis=-1, keepdims=True)
    return ops.where(logs < ops.minimum(best, least), -np.inf, scores)
