"""Sampling with temperature, top-k and top-p."""

from dataclasses import dataclass

from keras import ops

from tftransformer.core.registration import register
from tftransformer.decoding.greedy import decode_rows
from tftransformer.decoding.processors import Temperature, TopK, TopP
from tftransformer.decoding.settings import is_int, require
from tftransformer.decoding.strategy import Strategy


@register
@dataclass(frozen=True)
class Sampling(Strategy):
    """Draws each token from the model's distribution (`n` = 1).

    Order: the processors given to the call, on the logits, then temperature, top-k, top-p. The
    score is the sum of the model's own log-probabilities of the drawn tokens, end token
    included, before any of these and not divided by the length.

    A draw is a pure function of `seed`, of the number of its row and of the count of tokens
    generated so far: the same call gives the same text, on every backend up to rounding, and
    no row depends on another. A row's number is its place in the batch, unless the call names
    it: with `row_numbers`, int32 (batch,), a row has the same text in whichever batch and place
    it stands.

    Args:
        temperature: float > 0; divides the logits.
        top_k: int ≥ 1 or None; draw from the k best tokens only.
        top_p: float in (0, 1] or None; draw from the smallest set of best tokens that holds at
            least this probability (Holtzman et al. 2020).
        seed: int in [0, 2³²).

    Example:
        >>> sample = Sampling(temperature=0.8, top_k=50, seed=1)
        >>> sample(step, cache, starts, max_new_tokens=32, end_id=3, pad_id=0).ids.shape
        (batch, 1, 32)
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0

    def __post_init__(self):
        require(is_int(self.seed, 0) and self.seed < 2**32, "seed", self.seed, "an int in [0, 2³²)")
        self._warpers()  # each checks its own value

    def _warpers(self):
        warpers = [Temperature(self.temperature)]
        warpers += [] if self.top_k is None else [TopK(self.top_k)]
        warpers += [] if self.top_p is None else [TopP(self.top_p)]
        return tuple(warpers)

    def _decode(
        self,
        step,
        cache,
        prompt_ids,
        max_new_tokens,
        end_id,
        pad_id,
        processors,
        row_numbers=None,
    ):
        if row_numbers is None:
            row_numbers = ops.arange(ops.shape(prompt_ids)[0])
        keys = _mix(_mix(self.seed) + ops.cast(row_numbers, "uint32"))

        def draw(scores, generated):
            uniform = _uniform(_mix(keys + ops.cast(generated, "uint32")))
            return _inverse_cumulative(scores, uniform)

        return decode_rows(
            step,
            cache,
            prompt_ids,
            draw,
            max_new_tokens,
            end_id,
            pad_id,
            processors + self._warpers(),
        )


def _inverse_cumulative(scores, uniform):
    """The token (rows,) at which the cumulative softmax of `scores` passes `uniform` (rows,).

    A token of probability 0 is never returned, however the sums are rounded.
    """
    weights = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    possible = weights > 0
    cumulative = ops.where(possible, ops.cumsum(weights, axis=-1), 0.0)
    threshold = uniform[:, None] * ops.max(cumulative, axis=-1, keepdims=True)
    passed = ops.logical_and(possible, cumulative > threshold)
    return ops.argmax(ops.cast(passed, "int32"), axis=-1)


def _mix(x):
    """A bijection of uint32 that spreads every bit of `x` over all bits.

    keras.random takes no seed computed in the graph and ties a row's numbers to the shape of
    the batch; a counter hashed with the key of the row does neither. The constants are those of
    "lowbias32" (C. Wellons, Hash Prospector).
    """
    x = ops.convert_to_tensor(x, "uint32")
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = ops.bitwise_xor(x, ops.right_shift(x, ops.cast(shift, "uint32")))
        x = x * ops.convert_to_tensor(factor, "uint32")
    return ops.bitwise_xor(x, ops.right_shift(x, ops.cast(16, "uint32")))


def _uniform(bits):
    """Uniform float32 in [0, 1) from uint32 bits; 23 of them, so that 1 is never rounded to."""
    bits = ops.right_shift(bits, ops.cast(9, "uint32"))
    return ops.cast(ops.cast(bits, "int32"), "float32") * 2.0**-23
