"""Greedy decoding."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tftransformer.core import best_index, register
from tftransformer.decoding.request import Request
from tftransformer.decoding.row_strategy import RowStrategy


@register
@dataclass(frozen=True)
class Greedy(RowStrategy):
    """Takes the most probable token at each step (`n` = 1).

    Processors act on the logits. The score is the sum of the model's own log-probabilities of the
    generated tokens, end token included, before any processor and not divided by the length; if
    every token of a row is banned, it has score -inf, length 0 and only pad ids.

    >>> model = tt.Gpt2(vocab_size=30, num_layers=1, d_model=16, num_heads=2)
    >>> prompt = np.array([[5, 6, 7]])
    >>> step = model.start_decoding(prompt)
    >>> Greedy()(step, prompt, max_new_tokens=8, end_id=3, pad_id=0).ids.shape
    TensorShape([1, 1, 8])
    """

    def choice(self, request: Request) -> Callable[[Any, Any], Any]:
        return lambda scores, generated: best_index(scores)
