"""Greedy decoding."""

from dataclasses import dataclass

from keras import ops

from tftransformer.core import best_index, log_probabilities, register
from tftransformer.decoding.strategy import (
    Decoded,
    Strategy,
    generated_lengths,
    process,
    roll_out,
    write_token,
)


@register
@dataclass(frozen=True)
class Greedy(Strategy):
    """Takes the most probable token at each step (`n` = 1).

    Processors act on the logits. The score is the sum of the model's own log-probabilities of
    the generated tokens, end token included, before any processor and not divided by the length.

    Example, with the step of `Strategy`:

    ```python
    strategy = Greedy()
    decoded = strategy(step, (), [[2], [5]], max_new_tokens=8, end_id=3, pad_id=0)
    decoded.ids.shape  # (2, 1, 8)
    ```
    """

    def _decode(self, step, cache, prompt_ids, max_new_tokens, end_id, pad_id, processors):
        return decode_rows(
            step,
            cache,
            prompt_ids,
            lambda scores, generated: best_index(scores),
            max_new_tokens,
            end_id,
            pad_id,
            processors,
        )


def decode_rows(
    step, cache, prompt_ids, pick, max_new_tokens, end_id, pad_id, processors
) -> Decoded:
    """Decodes one sequence a row; `pick(scores (rows, vocab), generated) -> tokens (rows,)`."""
    prompt_length = ops.shape(prompt_ids)[1]

    def select(logits, generated, state):
        logits = ops.cast(logits, "float32")
        length = prompt_length + generated
        scores = process(processors, logits, state["ids"], length)
        tokens = ops.cast(pick(scores, generated), "int32")
        chosen = ops.take_along_axis(logits, ops.expand_dims(tokens, 1), axis=1)
        best = best_index(logits)[:, None]
        gained = log_probabilities(chosen, logits, ops.softmax(logits), best)
        tokens = ops.where(state["open"], tokens, pad_id)
        gain = ops.where(state["open"], gained[:, 0], 0.0)
        return (
            tokens,
            None,
            {
                "ids": write_token(state["ids"], tokens, length),
                "scores": state["scores"] + gain,
                "open": ops.logical_and(state["open"], tokens != end_id),
            },
        )

    state = {
        "ids": ops.pad(prompt_ids, ((0, 0), (0, max_new_tokens)), constant_values=pad_id),
        "scores": ops.zeros_like(prompt_ids[:, 0], dtype="float32"),
        "open": ops.ones_like(prompt_ids[:, 0], dtype="bool"),
    }
    state = roll_out(step, cache, prompt_ids, state, select, max_new_tokens)
    ids = ops.reshape(state["ids"][:, prompt_length:], (-1, 1, max_new_tokens))
    return Decoded(ids, ops.expand_dims(state["scores"], 1), generated_lengths(ids, end_id))
