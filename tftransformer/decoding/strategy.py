"""Strategy: the call that all decoding strategies share, checked and compiled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from tftransformer.core import Configurable, check_ints, is_int, require
from tftransformer.core.compiling import can_compile, compiled, is_tracing
from tftransformer.decoding.processors.processor import Processor, ids_of
from tftransformer.decoding.request import Decoded, Options, Request
from tftransformer.decoding.stop_strings import StopStrings
from tftransformer.models.decoding_step import DecodingStep

# Making a trace takes as long as some dozens of steps that are run one by one: the first time that
# a few tokens are asked for, they are.
FEW = 16


@dataclass(frozen=True)
class Strategy(Configurable):
    """Base of the decoding strategies; a subclass defines `decode(step, request)`.

    A strategy never sees the model. It drives a `DecodingStep`, which `model.start_decoding`
    returns, or which wraps a function of your own. The cache of the step needs room for `prompt +
    max_new_tokens - 1` columns; this is checked if the step has a known length.

    The loop has static shapes and ends as soon as every row has ended. It runs inside `tf.function`
    (batch and prompt length may be unknown there, the batch may be empty) and inside `jax.jit`.
    Called outside of them with the step of a model, the strategy compiles itself, including the
    model's encoder, and keeps the traces with the model: the first call with new settings takes
    seconds, later calls are fast and use the current weights. A function of your own is run as it
    is. The result of a row does not depend on the other rows.

    Attributes:
        reads_hidden: whether it compares hidden states. The step then has to keep them, with room
            for one more token: `start_decoding(…, hidden=True)`.

    Example:

    >>> table = np.random.default_rng(0).normal(size=(10, 10)).astype("float32")
    >>> def bigrams(ids, cache, position):
    ...     return ops.take(table, ids[:, -1], axis=0), cache
    >>> step = DecodingStep(bigrams)
    >>> strategy = tt.BeamSearch(4)
    >>> strategy(step, [[2], [5]], max_new_tokens=8, end_id=3, pad_id=0).ids.shape
    TensorShape([2, 1, 8])
    """

    reads_hidden: ClassVar[bool] = False

    def __call__(
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
    ) -> Decoded:
        """Continues the prompts.

        Args:
            step: the step, with one row for each prompt, or batch · num_beams rows.
            prompt_ids: int32 tensor (batch, prompt), prompt ≥ 1: a start token or a text; the same
                as `start_decoding` was given, if it was given one. Padding is ignored.
            max_new_tokens: most tokens to generate for a row, the end token included.
            end_id: the token that ends a row, or several; a negative id matches none, so that rows
                end only at the limit.
            pad_id: what fills a row after its end.
            processors: functions (scores, ids, lengths) -> scores, applied in order at each
                step; see `Processor`.
            row_numbers: int32 tensor (batch,), what identifies each row to strategies that draw;
                default: its index.
            limits: int32 tensor (batch,), most tokens to generate for each row, from 1 to
                `max_new_tokens`; default: that.
            stop: strings that also end a row, as an end token does.

        Returns:
            `Decoded`.

        Raises:
            ValueError: if an argument is out of range, or the step does not fit the prompts.
        """
        options = Options(max_new_tokens, ids_of(end_id), pad_id, tuple(processors), stop)
        prompt_ids = self._checked(step, prompt_ids, options)
        given = (prompt_ids, row_numbers, limits)
        start = step.start
        if start is None or not can_compile() or is_tracing(*given, start.inputs):
            return self._run(step, *given, options)
        key = (self, options, *start.key())
        traces = start.model.traces
        if key not in traces and max_new_tokens <= FEW:
            traces[key] = None
            return self._run(step, *given, options)
        if traces.get(key) is None:
            model, settings = start.model, start.settings

            def run(inputs: Any, prompt_ids: Any, row_numbers: Any, limits: Any) -> Any:
                step = DecodingStep.of_model(model, inputs, settings)
                return self._run(step, prompt_ids, row_numbers, limits, options)

            traces[key] = compiled(run, model.variables)
        return traces[key](start.inputs, *given)

    @property
    def rows_per_prompt(self) -> int:
        """Rows of the step for each prompt."""
        return 1

    def _checked(self, step: DecodingStep, prompt_ids: Any, options: Options) -> Any:
        """Returns the prompts, int32 (batch, prompt); raises an error for an invalid argument."""
        if not isinstance(step, DecodingStep):
            raise TypeError(
                f"step is a {type(step).__name__}, not a DecodingStep: what start_decoding "
                "returns, or DecodingStep(function, cache)."
            )
        check_ints(1, max_new_tokens=options.max_new_tokens)
        check_ints(0, pad_id=options.pad_id)
        end_ids = options.end_ids
        given = end_ids if len(end_ids) > 1 else end_ids[0]
        require(all(map(is_int, end_ids)), "end_id", given, "an int, or several in a list")
        for processor in options.processors:
            require(callable(processor), "processors", processor, "callables, see Processor")
        prompt_ids = ops.cast(ops.convert_to_tensor(prompt_ids), "int32")
        self._check_fits(step, tuple(prompt_ids.shape), options.max_new_tokens)
        return prompt_ids

    def _check_fits(self, step: DecodingStep, shape: tuple, max_new_tokens: int) -> None:
        require(
            len(shape) == 2 and shape[1] != 0,
            "shape of prompt_ids",
            shape,
            "(batch, prompt) with at least one token, such as the start token",
        )
        batch, width = shape
        needed = (width or 1) + max_new_tokens - 1
        why = f"a prompt of {width} and {max_new_tokens - 1} new tokens before the last one"
        for name, room in (
            ("cache_length", step.cache_length),
            ("num_positions of the model", step.num_positions),
        ):
            require(room is None or needed <= room, name, room, f"at least {needed}: {why}")
        wanted = None if batch is None else batch * self.rows_per_prompt
        require(
            None in (step.rows, wanted) or step.rows == wanted,
            "rows of the step",
            step.rows,
            f"{wanted} ({batch} prompts × num_beams={self.rows_per_prompt})",
        )
        known = None if step.prompt_mask is None else step.prompt_mask.shape[1]
        require(
            None in (known, width) or known == width,
            "columns of prompt_ids",
            width,
            f"the {known} columns that start_decoding was given",
        )

    def _run(
        self, step: DecodingStep, prompt_ids: Any, row_numbers: Any, limits: Any, options: Options
    ) -> Decoded:
        request = self.request(step, prompt_ids, row_numbers, limits, options)
        decoded, most = self.decode(step, request), options.max_new_tokens
        if request.max_new_tokens is most:
            return decoded
        lacking = ((0, 0), (0, 0), (0, most - request.max_new_tokens))
        ids = ops.pad(decoded.ids, lacking, constant_values=request.pad_id)
        return decoded._replace(ids=ops.reshape(ids, (*ops.shape(ids)[:2], most)))

    def request(
        self, step: DecodingStep, prompt_ids: Any, row_numbers: Any, limits: Any, options: Options
    ) -> Request:
        """Returns the `Request` of a call."""
        most, end_ids, pad_id, processors, stop = options
        batch, width = ops.shape(prompt_ids)
        max_new_tokens = most
        if limits is None:
            limits = ops.zeros_like(prompt_ids[:, 0]) + most
        else:
            limits = ops.clip(ops.cast(limits, "int32"), 1, most)
            if step.grows:  # nothing is wider than it need be
                max_new_tokens = ops.maximum(ops.max(ops.append(limits, [1])), 1)
        ids, lengths = prompt_ids, ops.zeros_like(prompt_ids[:, 0]) + width
        if step.prompt_mask is not None:
            mask = step.prompt_mask
            lengths = ops.sum(ops.cast(mask, "int32"), axis=1)
            # The tokens before the padding, in their order.
            order = ops.argsort(ops.where(mask, 0, width) + ops.arange(width), axis=1)
            ids = ops.where(mask, prompt_ids, pad_id)
            ids = ops.take_along_axis(ids, ops.cast(order, "int32"), axis=1)
        ids = ops.pad(ids, ((0, 0), (0, max_new_tokens)), constant_values=pad_id)
        if row_numbers is None:
            row_numbers = ops.arange(batch)
        of_rows = [ops.repeat(x, self.rows_per_prompt) for x in (lengths, limits)]
        processors = tuple(
            processor.for_rows(*of_rows) if isinstance(processor, Processor) else processor
            for processor in processors
        )
        is_padded = step.prompt_mask is not None
        given = (max_new_tokens, limits, end_ids, pad_id, processors, row_numbers, stop)
        return Request(prompt_ids, ids, lengths, is_padded, *given)

    def decode(self, step: DecodingStep, request: Request) -> Decoded:
        """Continues the prompts of a request; each strategy defines it."""
        raise NotImplementedError(f"{type(self).__name__} must define decode(step, request)")
