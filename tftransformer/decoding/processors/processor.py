"""The call all processors share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from keras import ops

from tftransformer.core import Configurable


@dataclass(frozen=True)
class Processor(Configurable):
    """Base of the processors; any function with the same arguments can be used instead.

    Where several are used, the usual order is: repetition penalty, no-repeat n-grams, bad
    words, minimum length, forced end, and for sampling temperature, top-k, top-p, min-p,
    typical, epsilon, eta.
    """

    def __call__(self, scores: Any, ids: Any, lengths: Any) -> Any:
        """Changes the scores of the next token.

        Args:
            scores: float32 tensor (rows, vocab): logits in greedy decoding and sampling,
                log-probabilities in beam search.
            ids: int32 tensor (rows, total), the tokens of each row from column 0, the prompt
                included and without its padding; only the first `lengths` columns count.
            lengths: int32 tensor (rows,), tokens of each row so far, the prompt included.

        Returns:
            float32 tensor (rows, vocab); -inf bans a token.
        """
        raise NotImplementedError

    def for_rows(self, prompts: Any, limits: Any) -> Callable[[Any, Any, Any], Any]:
        """Returns the processor for particular rows; strategies call it once before they start.

        Args:
            prompts: int32 tensor (rows,), tokens of their prompts.
            limits: int32 tensor (rows,), most new tokens of each.
        """
        return self


def ids_of(given: Any) -> tuple[Any, ...]:
    """Returns one id, or several, as several."""
    return tuple(given) if isinstance(given, list | tuple) and given else (given,)


def of_rows(values: Any) -> Any:
    """Returns lengths or flags (rows,), or one for all, as (rows, 1)."""
    return ops.reshape(values, (-1, 1))
