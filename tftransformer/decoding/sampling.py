"""Sampling, with truncation of the distribution."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from keras import ops

from tftransformer.core import check_ints, is_int, register, require
from tftransformer.core.selection import pick, top_k
from tftransformer.decoding.processors import (
    Epsilon,
    Eta,
    MinP,
    Processor,
    Temperature,
    TopP,
    Typical,
)
from tftransformer.decoding.request import Request
from tftransformer.decoding.rolling import process
from tftransformer.decoding.row_strategy import RowStrategy

# 2³² times the golden ratio: few multiples of it are far apart, so that no number of a row makes
# one draw another.
SPREAD = 0x9E3779B9


@register
@dataclass(frozen=True)
class Sampling(RowStrategy):
    """Draws each token from the model's distribution; `num_return` texts for each prompt.

    The processors given to the call act first, on the logits, then those of temperature, top-k,
    top-p, min-p, typical, epsilon and eta that are set. The score is the sum of the model's own
    log-probabilities of the drawn tokens, end token included, before any of these and not divided
    by the length.

    A draw depends only on `seed`, the number of its row, the index of the text within the row, and
    the count of tokens generated so far. So the same call gives the same texts, on every backend up
    to rounding; no row depends on another, and no text on how many are drawn. A row's number is its
    index in the batch, unless the call passes `row_numbers`, int32 (batch,), with which a row gets
    the same texts wherever it stands in whichever batch.

    Args:
        temperature: float > 0; divides the logits.
        top_k: int ≥ 1 or None; draw only from the k best tokens (among equals, those with lower
            ids). It makes `top_p` cheaper, which sorts the tokens that are left.
        top_p: float in (0, 1] or None; draw from the smallest set of best tokens whose
            probabilities sum to at least this (Holtzman et al. 2020).
        seed: int in [0, 2³²).
        min_p: float in (0, 1] or None; see `MinP`.
        typical_p: float in (0, 1] or None; the `top_p` of `Typical`.
        epsilon_cutoff: float in (0, 1] or None; see `Epsilon`.
        eta_cutoff: float in (0, 1] or None; see `Eta`.
        num_return: int ≥ 1, number of texts drawn for each prompt. The step has as many rows for
            each prompt: pass the number to `start_decoding` as `num_beams`.

    >>> model = tt.Gpt2(vocab_size=30, num_layers=1, d_model=16, num_heads=2)
    >>> prompt = np.array([[5, 6, 7]])
    >>> strategy = Sampling(temperature=0.8, top_k=5, seed=1)
    >>> step = model.start_decoding(prompt)
    >>> strategy(step, prompt, max_new_tokens=8, end_id=3, pad_id=0).ids.shape
    TensorShape([1, 1, 8])
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    min_p: float | None = None
    typical_p: float | None = None
    epsilon_cutoff: float | None = None
    eta_cutoff: float | None = None
    num_return: int = 1

    def __post_init__(self) -> None:
        require(is_int(self.seed, 0) and self.seed < 2**32, "seed", self.seed, "an int in [0, 2³²)")
        Temperature(self.temperature)  # each checks its own value
        check_ints(1, or_none=True, top_k=self.top_k)
        check_ints(1, num_return=self.num_return)
        self._warpers()

    @property
    def num_written(self) -> int:
        return self.num_return

    @property
    def rows_per_prompt(self) -> int:
        return self.num_return

    def without_seed(self) -> tuple["Sampling", int]:
        """Returns a sampling that all seeds have in common, and a number.

        It draws the same for rows whose numbers are larger by that one, so that one trace serves
        all seeds.
        """
        common = replace(self, seed=0)
        apart = [int(ops.convert_to_numpy(_mix(one.seed))) for one in (self, common)]
        return common, (apart[0] - apart[1]) % 2**32

    def _warpers(self) -> list[Processor]:
        """What bans tokens after top-k, in the order that it acts in."""
        asked = [
            (TopP, self.top_p),
            (MinP, self.min_p),
            (Typical, self.typical_p),
            (Epsilon, self.epsilon_cutoff),
            (Eta, self.eta_cutoff),
        ]
        return [warper(value) for warper, value in asked if value is not None]

    def choice(self, request: Request) -> Callable[[Any, Any], Any]:
        rows = ops.cast(request.row_numbers, "uint32")
        draws = ops.cast(ops.arange(ops.shape(rows)[0]) % self.num_return, "uint32")
        keys = _mix(_mix(self.seed) + rows + draws * ops.convert_to_tensor(SPREAD, "uint32"))

        def draw(scores: Any, generated: Any) -> Any:
            scores = scores / self.temperature
            tokens = None
            if self.top_k is not None:
                scores, tokens = top_k(scores, min(self.top_k, scores.shape[1]))
            scores = process(self._warpers(), scores, None, None)
            uniform = _uniform(_mix(keys + ops.cast(generated, "uint32")))
            drawn = _inverse_cumulative(scores, uniform)
            return drawn if tokens is None else pick(tokens, drawn[:, None])[:, 0]

        return draw


def _inverse_cumulative(scores: Any, uniform: Any) -> Any:
    """The token (rows,) at which the cumulative softmax of `scores` passes `uniform` (rows,).

    A token of probability 0 is never returned, however the sums are rounded.
    """
    weights = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    possible = weights > 0
    cumulative = ops.where(possible, ops.cumsum(weights, axis=-1), 0.0)
    threshold = uniform[:, None] * ops.max(cumulative, axis=-1, keepdims=True)
    passed = ops.logical_and(possible, cumulative > threshold)
    return ops.argmax(ops.cast(passed, "int32"), axis=-1)


def _mix(x: Any) -> Any:
    """A bijection of uint32 that spreads every bit of `x` over all bits.

    keras.random takes no seed computed in the graph and ties a row's numbers to the shape of
    the batch; a counter hashed with the key of the row does neither. The constants are those of
    "lowbias32" (C. Wellons, Hash Prospector), after an offset, since 0 would stay 0.
    """
    x = ops.convert_to_tensor(x, "uint32") + ops.convert_to_tensor(SPREAD, "uint32")
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = ops.bitwise_xor(x, ops.right_shift(x, ops.cast(shift, "uint32")))
        x = x * ops.convert_to_tensor(factor, "uint32")
    return ops.bitwise_xor(x, ops.right_shift(x, ops.cast(16, "uint32")))


def _uniform(bits: Any) -> Any:
    """Uniform float32 strictly between 0 and 1 from uint32 bits.

    The centres of 2²² equal parts: with more of them, a product with the last could round to
    that with 1.
    """
    bits = ops.right_shift(bits, ops.cast(10, "uint32"))
    return (ops.cast(ops.cast(bits, "int32"), "float32") + 0.5) * 2.0**-22
