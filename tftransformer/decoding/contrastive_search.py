"""Contrastive search."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from tftransformer.core import best_index, check_ints, is_number, register, require
from tftransformer.core.selection import pick
from tftransformer.decoding.request import Request
from tftransformer.decoding.rolling import Step, process, write_token
from tftransformer.decoding.row_strategy import RowStrategy
from tftransformer.models.decoding_step import DecodingStep
from tftransformer.stacks.cached_stack import Prompts


@register
@dataclass(frozen=True)
class ContrastiveSearch(RowStrategy):
    """Takes tokens that are probable and unlike those before (Su et al. 2022, eq. 5; `n` = 1).

    Of the `top_k` most probable tokens it takes the one with the largest `(1 - penalty) · p(token)
    - penalty · max cos(h(token), h(earlier token))`, where h are the hidden states that the head
    reads. To know its hidden state, each candidate is run through the model. So the step has
    `top_k` rows for each prompt, room for one more token, and keeps hidden states:
    `start_decoding(…, num_beams=top_k, hidden=True)`. Processors act on the logits; the score is
    that of `Greedy`. A token once taken is never revised.

    Args:
        top_k: how many candidates are tried at each step; at most the whole vocabulary.
        penalty: float in [0, 1], the weight of the similarity; 0 is `Greedy`.

    >>> model = tt.Gpt2(vocab_size=30, num_layers=1, d_model=16, num_heads=2)
    >>> prompt = np.array([[5, 6, 7]])
    >>> step = model.start_decoding(prompt, num_beams=4, hidden=True)
    >>> ContrastiveSearch(4)(step, prompt, max_new_tokens=8, end_id=3, pad_id=0).ids.shape
    TensorShape([1, 1, 8])
    """

    reads_hidden: ClassVar[bool] = True
    top_k: int = 4
    penalty: float = 0.6

    def __post_init__(self) -> None:
        check_ints(1, top_k=self.top_k)
        known = is_number(self.penalty) and 0 <= self.penalty <= 1
        require(known, "penalty", self.penalty, "a number from 0 to 1")

    @property
    def rows_per_prompt(self) -> int:
        return self.top_k

    def _check_fits(self, step: DecodingStep, shape: tuple, max_new_tokens: int) -> None:
        super()._check_fits(step, shape, max_new_tokens + 1)

    def begin(self, step: DecodingStep, request: Request) -> tuple[Step, dict[str, Any], Callable]:
        first = request.prompt_ids[:, 0]
        of_candidates = ops.repeat(first[:, None], self.top_k, axis=1)
        state = {
            "ids": request.ids,
            "scores": ops.zeros_like(first, dtype="float32"),
            "lengths": ops.zeros_like(first),
            "open": ops.ones_like(first, dtype="bool"),
            "tokens": ops.zeros_like(of_candidates),
            "chances": ops.zeros_like(of_candidates, dtype="float32"),
            "gained": ops.zeros_like(of_candidates, dtype="float32"),
            **request.first_stops(),
        }
        is_token = None
        if step.prompt_mask is not None:
            rows, width = ops.shape(request.prompt_ids)
            is_token = Prompts(rows, width, step.prompt_mask).is_token

        def select(outputs: Any, generated: Any, state: Any) -> Any:
            logits, hidden = outputs
            return self._select(logits, hidden, generated, state, request, is_token)

        # The prompts are run first, and then each token to be taken.
        return _HiddenStep(step), state, select

    def _select(
        self, logits: Any, hidden: Any, generated: Any, state: Any, request: Request, is_token: Any
    ) -> Any:
        """Takes one of the candidates that were run, and proposes those that follow it."""
        has_run = generated > 0
        likeness = self._likeness(hidden, generated, request, is_token)
        rated = (1 - self.penalty) * state["chances"] - self.penalty * likeness
        chosen = best_index(ops.where(state["chances"] > 0, rated, -float("inf")))
        chosen = ops.where(has_run, ops.cast(chosen, "int32"), 0)[:, None]
        tokens = ops.where(state["open"], pick(state["tokens"], chosen)[:, 0], request.pad_id)
        is_new = ops.logical_and(state["open"], has_run)
        total = state["scores"] + ops.where(is_new, pick(state["gained"], chosen)[:, 0], 0.0)
        written = write_token(state["ids"], tokens, request.lengths + generated - 1)
        ids = ops.where(has_run, written, state["ids"])
        ended, stops = request.ends(tokens, state.get("stop"))
        goes_on = ops.logical_and(ops.logical_not(ended), total > -float("inf"))
        goes_on = ops.logical_and(goes_on, generated < request.limits)
        rows = ops.arange(ops.shape(chosen)[0]) * self.top_k + chosen[:, 0]
        logits = ops.cast(ops.take(logits, rows, axis=0), "float32")
        following = self._candidates(logits, ids, request, generated)
        after = {
            "ids": ids,
            "scores": total,
            "lengths": state["lengths"] + ops.cast(is_new, "int32"),
            "open": ops.logical_and(
                state["open"], ops.logical_or(goes_on, ops.logical_not(has_run))
            ),
            **following,
            **{name: ops.where(has_run, new, state[name]) for name, new in stops.items()},
        }
        return ops.reshape(following["tokens"], (-1,)), ops.repeat(rows, self.top_k), after

    def _likeness(self, hidden: Any, generated: Any, request: Request, is_token: Any) -> Any:
        """The largest cosine of each candidate and a token before it: float32 (batch, top_k)."""
        hidden = ops.cast(hidden, "float32")
        hidden = hidden / ops.maximum(ops.norm(hidden, axis=-1, keepdims=True), 1e-12)
        width = ops.shape(request.prompt_ids)[1]
        last = width - 1 + generated
        columns = ops.arange(ops.shape(hidden)[1])
        own = ops.take(hidden, ops.reshape(last, (1,)), axis=1)
        cosines = ops.sum(hidden * own, axis=-1)
        cosines = ops.reshape(cosines, (-1, self.top_k, ops.shape(hidden)[1]))
        before = (columns < last)[None]
        if is_token is not None:
            of_prompt = ops.take(is_token, ops.minimum(columns, width - 1), axis=1)
            before = ops.logical_and(before, ops.logical_or(columns >= width, of_prompt))
        return ops.max(ops.where(before[:, None], cosines, -1.0), axis=-1)

    def _candidates(
        self, logits: Any, ids: Any, request: Request, generated: Any
    ) -> dict[str, Any]:
        """The most probable tokens, (batch, top_k): their probabilities, and what they add."""
        scores, times = logits, self.top_k
        if request.processors:
            rows = (ops.repeat(x, times, axis=0) for x in (logits, ids, request.lengths))
            every, ids, lengths = rows
            scores = process(request.processors, every, ids, lengths + generated)[::times]
        known = min(times, scores.shape[-1])
        chances, tokens = ops.top_k(ops.softmax(scores), known)
        # A vocabulary with fewer tokens has no further candidates.
        lacking = ((0, 0), (0, times - known))
        chances, tokens = ops.pad(chances, lacking), ops.pad(tokens, lacking)
        # Where every token is banned, there is no continuation.
        chances = ops.where(ops.isnan(chances), 0.0, chances)
        tokens = ops.cast(tokens, "int32")
        gained = pick(ops.log_softmax(logits), tokens)
        gained = ops.where(chances > 0, gained, -float("inf"))
        return {"tokens": tokens, "chances": chances, "gained": gained}


class _HiddenStep:
    """A step that returns the hidden states in its cache beside the logits."""

    def __init__(self, step: DecodingStep):
        if not isinstance(step.cache, Mapping) or "hidden" not in step.cache:
            raise ValueError(
                "the step keeps no hidden states, which ContrastiveSearch compares: "
                "model.start_decoding(..., num_beams=top_k, hidden=True)."
            )
        self._step, self.grows, self.cache = step, step.grows, step.cache

    def __call__(self, ids: Any, cache: Any, position: Any) -> tuple[Any, Any]:
        logits, cache = self._step(ids, cache, position)
        return (logits, cache["hidden"]), cache
