"""What all decoding strategies share: their call, the loop over the steps, small arithmetic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import keras
from keras import ops

from tftransformer.core import Configurable, check_ints, is_int, require
from tftransformer.core.compiling import can_compile, compiled, is_tracing
from tftransformer.decoding.processors.processor import Processor
from tftransformer.decoding.stop_strings import StopStrings
from tftransformer.models.decoding_step import DecodingStep

# Making a trace takes as long as some dozens of steps that are run one by one: the first time that
# a few tokens are asked for, they are.
FEW = 16


class Decoded(NamedTuple):
    """What a strategy returns: `n` results for each row of the batch, best first.

    Attributes:
        ids: int32 tensor (batch, n, max_new_tokens), the generated tokens without the prompt,
            up to and including the one that ends the row; the rest is the pad id.
        scores: float32 tensor (batch, n), what the strategy ranks by. A slot that no
            hypothesis reached has score -inf, length 0 and pad ids only.
        lengths: int32 tensor (batch, n), generated tokens, the end token included.
    """

    ids: Any
    scores: Any
    lengths: Any


class Request(NamedTuple):
    """What a strategy is asked to do, checked.

    Attributes:
        prompt_ids: int32 tensor (batch, prompt), as given.
        ids: int32 tensor (batch, prompt + max_new_tokens): the tokens of each row from column 0,
            without padding; the rest is the pad id.
        lengths: int32 tensor (batch,), tokens of each prompt.
        is_padded: whether lengths may differ.
        max_new_tokens: most new tokens of any row, an int or a tensor.
        limits: most new tokens of each row, int32 tensor (batch,).
        end_id, pad_id, processors, row_numbers, stop: as for `Strategy`.
    """

    prompt_ids: Any
    ids: Any
    lengths: Any
    is_padded: bool
    max_new_tokens: Any
    limits: Any
    end_id: int
    pad_id: int
    processors: tuple
    row_numbers: Any
    stop: StopStrings | None = None

    def generated(self, ids: Any) -> Any:
        """The generated part (..., max_new_tokens) of rows (batch, n, total)."""
        if not self.is_padded:
            start = _size(self.prompt_ids, 1)
            return ops.reshape(ids[..., start:], (*ops.shape(ids)[:-1], self.max_new_tokens))
        columns = self.lengths[:, None, None] + ops.arange(self.max_new_tokens)
        columns = ops.broadcast_to(columns, (*ops.shape(ids)[:-1], self.max_new_tokens))
        return ops.take_along_axis(ids, columns, axis=-1)

    def first_stops(self) -> dict[str, Any]:
        """What a strategy's state holds of stop strings: "stop", int32 (batch,), or nothing."""
        return {} if self.stop is None else {"stop": self.stop.begin(self.ids, self.lengths)}

    def ends(self, tokens: Any, stops: Any) -> tuple[Any, dict[str, Any]]:
        """Which rows the new tokens end, bool; and `stops`, a state's "stop", behind the tokens."""
        ended = tokens == self.end_id
        if self.stop is None:
            return ended, {}
        stops = self.stop.advance(stops, tokens)
        return ops.logical_or(ended, self.stop.has_ended(stops)), {"stop": stops}


@dataclass(frozen=True)
class Strategy(Configurable):
    """Base of the decoding strategies; a subclass defines `decode(step, request)`.

    A strategy never sees the model. It drives a `DecodingStep`, which a model makes by
    `start_decoding`, or which is a function of one's own. The cache of the step needs room for
    `prompt + max_new_tokens - 1` columns, which is checked where the step says its length.

    The loop has static shapes and ends as soon as every row has ended. It runs inside `tf.function`
    (batch and prompt length may be unknown there, the batch may be empty) and inside `jax.jit`.
    Called outside of them with the step of a model, the strategy compiles itself, the model's
    encoder included, and keeps the traces with the model: the first call with new settings takes
    seconds, later ones are fast, and see the weights as they are then. A function of one's own runs
    as it is. A row's result does not depend on the other rows.

    >>> table = np.random.default_rng(0).normal(size=(10, 10)).astype("float32")
    >>> def bigrams(ids, cache, position):
    ...     return ops.take(table, ids[:, -1], axis=0), cache
    >>> step = DecodingStep(bigrams)
    >>> strategy = tt.BeamSearch(4)
    >>> strategy(step, [[2], [5]], max_new_tokens=8, end_id=3, pad_id=0).ids.shape
    TensorShape([2, 1, 8])
    """

    def __call__(
        self,
        step: DecodingStep,
        prompt_ids: Any,
        *,
        max_new_tokens: int,
        end_id: int,
        pad_id: int,
        processors: Sequence[Callable] = (),
        row_numbers: Any = None,
        limits: Any = None,
        stop: StopStrings | None = None,
    ) -> Decoded:
        """Continues the prompts.

        Args:
            step: the step, of as many rows as there are prompts, or batch · num_beams.
            prompt_ids: int32 tensor (batch, prompt), prompt ≥ 1: a start token or a text; what
                `start_decoding` was given, if it was. Padding counts as nothing.
            max_new_tokens: most tokens to generate for a row, the end token included.
            end_id: the token that ends a row; a negative id matches none, then rows end at
                the limit only.
            pad_id: what fills a row after its end.
            processors: functions (scores, ids, lengths) -> scores, applied in order at each
                step; see `Processor`.
            row_numbers: int32 tensor (batch,), names of the rows for strategies that draw; default:
                their places.
            limits: int32 tensor (batch,), most tokens to generate for each row, from 1 to
                `max_new_tokens`; default: that.
            stop: strings that end a row, too, as the end token does.

        Returns:
            `Decoded`.

        Raises:
            ValueError: if an argument is out of range, or the step does not fit the prompts.
        """
        prompt_ids = self._checked(step, prompt_ids, max_new_tokens, end_id, pad_id, processors)
        options = (max_new_tokens, end_id, pad_id, tuple(processors), stop)
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

    # Whether it compares hidden states: `start_decoding(…, hidden=True)`, with room for one more.
    reads_hidden: ClassVar[bool] = False

    @property
    def rows_per_prompt(self) -> int:
        """Rows of the step for each prompt."""
        return 1

    def _checked(
        self,
        step: DecodingStep,
        prompt_ids: Any,
        max_new_tokens: int,
        end_id: int,
        pad_id: int,
        processors: Sequence[Callable],
    ) -> Any:
        """The prompts, int32 (batch, prompt); raises where an argument has no sense."""
        if not isinstance(step, DecodingStep):
            raise TypeError(
                f"step is a {type(step).__name__}, not a DecodingStep: what start_decoding "
                "returns, or DecodingStep(function, cache)."
            )
        check_ints(1, max_new_tokens=max_new_tokens)
        check_ints(0, pad_id=pad_id)
        require(is_int(end_id), "end_id", end_id, "an int")
        for processor in processors:
            require(callable(processor), "processors", processor, "callables, see Processor")
        prompt_ids = ops.cast(ops.convert_to_tensor(prompt_ids), "int32")
        self._check_fits(step, tuple(prompt_ids.shape), max_new_tokens)
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
        self, step: DecodingStep, prompt_ids: Any, row_numbers: Any, limits: Any, options: tuple
    ) -> Decoded:
        request = self.request(step, prompt_ids, row_numbers, limits, options)
        decoded, most = self.decode(step, request), options[0]
        if request.max_new_tokens is most:
            return decoded
        lacking = ((0, 0), (0, 0), (0, most - request.max_new_tokens))
        ids = ops.pad(decoded.ids, lacking, constant_values=request.pad_id)
        return decoded._replace(ids=ops.reshape(ids, (*ops.shape(ids)[:2], most)))

    def request(
        self, step: DecodingStep, prompt_ids: Any, row_numbers: Any, limits: Any, options: tuple
    ) -> Request:
        """The `Request` of a call, whose `options` are what of it is no tensor."""
        most, end_id, pad_id, processors, stop = options
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
        of_rows = ops.repeat(lengths, self.rows_per_prompt)
        processors = tuple(
            processor.for_prompts(of_rows) if isinstance(processor, Processor) else processor
            for processor in processors
        )
        is_padded = step.prompt_mask is not None
        given = (max_new_tokens, limits, end_id, pad_id, processors, row_numbers, stop)
        return Request(prompt_ids, ids, lengths, is_padded, *given)

    def decode(self, step: DecodingStep, request: Request) -> Decoded:
        """Continues the prompts of a request: what a strategy of one's own defines."""
        raise NotImplementedError(f"{type(self).__name__} must define decode(step, request)")


class Step(Protocol):
    """What `roll_out` runs: a `DecodingStep`, or what returns more than logits."""

    @property
    def grows(self) -> Any: ...

    @property
    def cache(self) -> Any: ...

    def __call__(self, ids: Any, cache: Any, position: Any, /) -> tuple[Any, Any]: ...


def roll_out(
    step: Step,
    prompt_ids: Any,
    state: dict[str, Any],
    select: Callable,
    max_new_tokens: Any,
) -> dict[str, Any]:
    """Runs `step` and `select` in turn until every row has ended or the limit is reached.

    Args:
        step, max_new_tokens: as for `Strategy`.
        prompt_ids: int32 tensor (rows, prompt).
        state: dict of tensors, the strategy's own; `state["open"]` (any shape, bool) is True
            for rows that go on.
        select: (logits (rows, vocab), generated int32 scalar, state) ->
            (tokens int32 (rows,), source rows int32 (rows,) or None, state). It picks the
            tokens of the next step; with source rows the cache is reordered to follow them.

    Returns:
        The last state.
    """
    prompt_length = _size(prompt_ids, 1)

    def unfinished(generated: Any, tokens: Any, state: Any, cache: Any) -> Any:
        return ops.logical_and(generated < max_new_tokens, ops.any(state["open"]))

    def body(generated: Any, tokens: Any, state: Any, cache: Any) -> Any:
        position = prompt_length - 1 + generated
        return advance(step, select, tokens, position, generated, state, cache)

    start = ops.zeros((), "int32")
    cache = keras.tree.map_structure(ops.convert_to_tensor, step.cache)
    if prompt_ids.shape[1] == 1:
        # A single token is a step like any other: the step function is traced once only.
        variables = (start, prompt_ids, state, cache)
    else:
        variables = advance(step, select, prompt_ids, start, start, state, cache)
    return ops.while_loop(unfinished, body, variables)[2]


def advance(
    step: Step,
    select: Callable,
    tokens: Any,
    position: Any,
    generated: Any,
    state: Any,
    cache: Any,
) -> tuple[Any, Any, Any, Any]:
    """Runs `step` and `select` once; see `roll_out`.

    Returns:
        `generated`, the tokens (rows, 1), state and cache, each for the next step.
    """
    logits, stepped = step(tokens, cache, position)
    if not step.grows:
        _check_stepped(stepped, cache)
    tokens, source, chosen = select(logits, generated, state)
    if source is not None:
        stepped = keras.tree.map_structure(lambda x: ops.take(x, source, axis=0), stepped)
    if not step.grows:
        stepped = keras.tree.map_structure(_shaped_like, stepped, cache)
    chosen = keras.tree.map_structure(_shaped_like, chosen, state)
    return generated + 1, ops.expand_dims(tokens, 1), chosen, stepped


def process(processors: Any, scores: Any, ids: Any, lengths: Any) -> Any:
    """The scores (rows, vocab) after all processors, in order."""
    for processor in processors:
        scores = processor(scores, ids, lengths)
    return scores


def write_token(ids: Any, tokens: Any, columns: Any) -> Any:
    """The buffer `ids` (..., total) with `tokens` (...) written at `columns` of its last axis."""
    here = ops.arange(_size(ids, -1)) == ops.expand_dims(columns, -1)
    return ops.where(here, ops.expand_dims(tokens, -1), ids)


def _size(x: Any, axis: int) -> Any:
    return ops.shape(x)[axis]


def _check_stepped(new: Any, old: Any) -> None:
    """A step has to return the cache it was given, with other values only."""

    def described(cache: Any) -> Any:
        return [
            (".".join(map(str, path)), tuple(x.shape), keras.backend.standardize_dtype(x.dtype))
            for path, x in keras.tree.flatten_with_path(cache)
        ]

    given, returned = described(old), described(new)
    same = len(given) == len(returned) and all(
        path == new_path
        and dtype == new_dtype
        and len(shape) == len(new_shape)
        and all(size in (None, n) or n is None for size, n in zip(shape, new_shape, strict=True))
        for (path, shape, dtype), (new_path, new_shape, new_dtype) in zip(
            given, returned, strict=True
        )
    )
    if not same:
        raise ValueError(
            f"step returned a cache of other entries, shapes or dtypes than it was given.\n"
            f"Given: {given}\nReturned: {returned}\nWrite the new tokens into the cache at "
            f"`position`; do not append to it, and cast to the dtype of the entry."
        )


def _shaped_like(new: Any, old: Any) -> Any:
    """`new` with the static shape of `old`, which loop variables have to keep."""
    return new if tuple(new.shape) == tuple(old.shape) else ops.reshape(new, ops.shape(old))
