"""RowStrategy: what strategies share that write one sequence a row, token by token."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from tftransformer.core import best_index, log_probabilities
from tftransformer.core.compiling import can_compile, compiled
from tftransformer.core.selection import pick
from tftransformer.decoding.processors.processor import ids_of
from tftransformer.decoding.request import Decoded, Options, Request
from tftransformer.decoding.rolling import Step, advance, process, roll_out, write_token
from tftransformer.decoding.stop_strings import StopStrings
from tftransformer.decoding.strategy import Strategy
from tftransformer.models.decoding_step import DecodingStep


@dataclass(frozen=True)
class RowStrategy(Strategy):
    """Base of the strategies that write each sequence independently and never revise a token.

    A subclass defines `choice(request)`, or `begin(step, request)` where its choice depends on more
    than the scores of a step.
    """

    def choice(self, request: Request) -> Callable[[Any, Any], Any]:
        """Returns `choose(scores (rows, vocab), generated) -> tokens (rows,)`."""
        raise NotImplementedError(f"{type(self).__name__} must define choice(request)")

    def stream(
        self,
        step: DecodingStep,
        prompt_ids: Any,
        *,
        max_new_tokens: int,
        end_id: int | Sequence[int],
        pad_id: int,
        processors: Sequence[Callable] = (),
        row_numbers: Any = None,
        limits: Any = None,
        stop: StopStrings | None = None,
    ) -> Iterator[np.ndarray]:
        """Continues the prompts, and yields each token as soon as it is known.

        Args:
            step, prompt_ids, max_new_tokens, end_id, pad_id, processors, row_numbers, limits, stop:
                as in a call, which returns the same tokens.

        Yields:
            int32 array (batch · n,), the next token of each sequence, or the pad id after its end.
            The iterator ends when all sequences have ended.

        >>> model = tt.Gpt2(vocab_size=30, num_layers=1, d_model=16, num_heads=2)
        >>> step = model.start_decoding(np.array([[5, 6, 7]]))
        >>> stream = tt.Greedy().stream(
        ...     step, [[5, 6, 7]], max_new_tokens=3, end_id=-1, pad_id=0)
        >>> [tokens.shape for tokens in stream]
        [(1,), (1,), (1,)]
        """
        options = Options(max_new_tokens, ids_of(end_id), pad_id, tuple(processors), stop)
        prompt_ids = self._checked(step, prompt_ids, options)
        read, go_on = self._halves(step, options)
        given = (prompt_ids, row_numbers, limits)
        inputs = {} if step.start is None else step.start.inputs
        taken, tokens, state, cache = read(inputs, given)
        width, steps = ops.shape(prompt_ids)[1], self._steps(max_new_tokens)
        for generated in range(1, steps + 1):
            if generated > self.reads_hidden:  # else the prompts alone were run
                yield ops.convert_to_numpy(taken)
            if generated == steps or not ops.convert_to_numpy(ops.any(state["open"])):
                return
            position = ops.convert_to_tensor(width - 1 + generated, "int32")
            count = ops.convert_to_tensor(generated, "int32")
            run = (tokens, position, count, state, cache)
            taken, tokens, state, cache = go_on(inputs, given, run)

    def _halves(self, step: DecodingStep, options: Options) -> tuple[Callable, Callable]:
        """Returns what runs the prompts, and what runs one more token.

        Those of a model are compiled, and kept with it.
        """
        start = step.start if can_compile() else None

        def begun(inputs: Any, given: tuple[Any, Any, Any]) -> tuple[Request, DecodingStep, tuple]:
            own = step
            if start is not None:
                own = DecodingStep.of_model(start.model, inputs, start.settings)
            request = self.request(own, *given, options)
            return request, own, self.begin(own, request)

        def read(inputs: Any, given: Any) -> Any:
            request, own, (run, state, select) = begun(inputs, given)
            zero = ops.zeros((), "int32")
            cache = keras.tree.map_structure(ops.convert_to_tensor, own.cache)
            found = advance(run, select, self._prompts(request), zero, zero, state, cache)
            return self._taken(found[2], request, zero), *found[1:]

        def go_on(inputs: Any, given: Any, before: Any) -> Any:
            request, _, (run, _, select) = begun(inputs, given)
            tokens, position, generated, state, cache = before
            found = advance(run, select, tokens, position, generated, state, cache)
            return self._taken(found[2], request, generated), *found[1:]

        if start is None:
            return read, go_on
        key, traces = ("stream", self, options, *start.key()), start.model.traces
        if key not in traces:
            variables = start.model.variables
            traces[key] = (compiled(read, variables), compiled(go_on, variables))
        return traces[key]

    @property
    def num_written(self) -> int:
        """Number of sequences written for each prompt: `n`."""
        return 1

    def _prompts(self, request: Request) -> Any:
        """The prompts that are run: `rows_per_prompt` rows of each."""
        return ops.repeat(request.prompt_ids, self.rows_per_prompt, axis=0)

    def _steps(self, max_new_tokens: Any) -> Any:
        """How often the model is run: where hidden states are read, a token is before it counts."""
        return max_new_tokens + self.reads_hidden

    def _taken(self, state: dict[str, Any], request: Request, generated: Any) -> Any:
        """The token that each row took last, int32 (rows,), behind `generated` steps and one."""
        lengths = ops.repeat(request.lengths, self.num_written)
        columns = lengths + generated - self.reads_hidden
        return pick(state["ids"], columns[:, None])[:, 0]

    def begin(self, step: DecodingStep, request: Request) -> tuple[Step, dict[str, Any], Callable]:
        """Returns the step to run, the first state, and the function `select` of `roll_out`.

        The state holds `"ids"`, those of the request with the tokens taken so far; their `"scores"`
        and `"lengths"`; and `"open"`, which rows go on: all (batch · n, …).
        """
        request = request.repeated(self.num_written)
        choose = self.choice(request)

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
        return step, state, select

    def decode(self, step: DecodingStep, request: Request) -> Decoded:
        run, state, select = self.begin(step, request)
        steps = self._steps(request.max_new_tokens)
        state = roll_out(run, self._prompts(request), state, select, steps)
        folded = (ops.shape(request.prompt_ids)[0], self.num_written)
        scores, lengths = (ops.reshape(state[name], folded) for name in ("scores", "lengths"))
        ids = ops.reshape(state["ids"], (*folded, ops.shape(state["ids"])[1]))
        reached = scores > -np.inf
        ids = ops.where(reached[..., None], request.generated(ids), request.pad_id)
        return Decoded(ids, scores, ops.where(reached, lengths, 0))
