"""Greedy decoding."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import best_index, log_probabilities, register
from tftransformer.core.selection import pick
from tftransformer.decoding.strategy import (
    Decoded,
    Request,
    Strategy,
    process,
    roll_out,
    write_token,
)
from tftransformer.models.decoding_step import DecodingStep


@register
@dataclass(frozen=True)
class Greedy(Strategy):
    """Takes the most probable token at each step (`n` = 1).

    Processors act on the logits. The score is the sum of the model's own log-probabilities of
    the generated tokens, end token included, before any processor and not divided by the length; a
    row whose every token is banned has score -inf, length 0 and pad ids only.

    >>> model = tt.Gpt2(vocab_size=30, num_layers=1, d_model=16, num_heads=2)
    >>> prompt = np.array([[5, 6, 7]])
    >>> step = model.start_decoding(prompt)
    >>> Greedy()(step, prompt, max_new_tokens=8, end_id=3, pad_id=0).ids.shape
    TensorShape([1, 1, 8])
    """

    def decode(self, step: DecodingStep, request: Request) -> Decoded:
        return decode_rows(step, request, lambda scores, generated: best_index(scores))


def decode_rows(step: DecodingStep, request: Request, choose: Callable[[Any, Any], Any]) -> Decoded:
    """Decodes one sequence a row; `choose(scores (rows, vocab), generated) -> tokens (rows,)`."""

    def select(logits: Any, generated: Any, state: Any) -> Any:
        logits = ops.cast(logits, "float32")
        lengths = request.lengths + generated
        scores = process(request.processors, logits, state["ids"], lengths)
        tokens = ops.cast(choose(scores, generated), "int32")
        best = best_index(logits)[:, None]
        gained = log_probabilities(
            pick(logits, tokens[:, None]), pick(logits, best), pick(ops.softmax(logits), best)
        )[:, 0]
        if request.processors:
            # Where every token is banned, there is no continuation.
            gained = ops.where(ops.max(scores, axis=-1) > -np.inf, gained, -np.inf)
        tokens = ops.where(state["open"], tokens, request.pad_id)
        total = state["scores"] + ops.where(state["open"], gained, 0.0)
        ended, stops = request.ends(tokens, state.get("stop"))
        goes_on = ops.logical_and(ops.logical_not(ended), total > -np.inf)
        goes_on = ops.logical_and(goes_on, generated + 1 < request.limits)
        return (
            tokens,
            None,
            {
                "ids": write_token(state["ids"], tokens, lengths),
                "scores": total,
                "lengths": state["lengths"] + ops.cast(state["open"], "int32"),
                "open": ops.logical_and(state["open"], goes_on),
                **stops,
            },
        )

    state = {
        "ids": request.ids,
        "scores": ops.zeros_like(request.prompt_ids[:, 0], dtype="float32"),
        "lengths": ops.zeros_like(request.prompt_ids[:, 0]),
        "open": ops.ones_like(request.prompt_ids[:, 0], dtype="bool"),
        **request.first_stops(),
    }
    state = roll_out(step, request.prompt_ids, state, select, request.max_new_tokens)
    ids, scores = request.generated(state["ids"][:, None]), state["scores"][:, None]
    lengths = state["lengths"][:, None]
    if request.processors:
        reached = scores > -np.inf
        ids = ops.where(reached[..., None], ids, request.pad_id)
        lengths = ops.where(reached, lengths, 0)
    return Decoded(ids, scores, lengths)
