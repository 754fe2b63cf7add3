"""What a strategy is asked to do, and what it returns."""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from tftransformer.core.selection import among
from tftransformer.decoding.stop_strings import StopStrings


class Decoded(NamedTuple):
    """What a strategy returns: `n` results for each row of the batch.

    Search returns the best result first, sampling returns results in the order of the draws.

    Attributes:
        ids: int32 tensor (batch, n, max_new_tokens), the generated tokens without the prompt, up to
            and including the one that ends the row, then pad ids.
        scores: float32 tensor (batch, n), what the strategy ranks by. A slot without a hypothesis
            has score -inf, length 0 and only pad ids.
        lengths: int32 tensor (batch, n), number of generated tokens, the end token included.
    """

    ids: Any
    scores: Any
    lengths: Any


class Options(NamedTuple):
    """The arguments of a call of a strategy that are no tensors, and which its trace depends on.

    Attributes:
        max_new_tokens, pad_id, processors, stop: as for `Strategy`.
        end_ids: the tokens that end a row.
    """

    max_new_tokens: int
    end_ids: tuple[int, ...]
    pad_id: int
    processors: tuple[Callable, ...]
    stop: StopStrings | None


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
        end_ids: the tokens that end a row.
        pad_id, processors, row_numbers, stop: as for `Strategy`.
    """

    prompt_ids: Any
    ids: Any
    lengths: Any
    is_padded: bool
    max_new_tokens: Any
    limits: Any
    end_ids: tuple[int, ...]
    pad_id: int
    processors: tuple[Callable, ...]
    row_numbers: Any
    stop: StopStrings | None = None

    def repeated(self, times: int) -> "Request":
        """Returns the request with each row repeated, copies side by side."""
        if times == 1:
            return self
        names = ("prompt_ids", "ids", "lengths", "limits", "row_numbers")
        rows = {name: ops.repeat(getattr(self, name), times, axis=0) for name in names}
        return self._replace(**rows)

    def generated(self, ids: Any) -> Any:
        """The generated part (..., max_new_tokens) of rows (batch, n, total)."""
        if not self.is_padded:
            start = ops.shape(self.prompt_ids)[1]
            return ops.reshape(ids[..., start:], (*ops.shape(ids)[:-1], self.max_new_tokens))
        columns = self.lengths[:, None, None] + ops.arange(self.max_new_tokens)
        columns = ops.broadcast_to(columns, (*ops.shape(ids)[:-1], self.max_new_tokens))
        return ops.take_along_axis(ids, columns, axis=-1)

    def first_stops(self) -> dict[str, Any]:
        """Returns the part of a state for stop strings: "stop", int32 (batch,), or nothing."""
        return {} if self.stop is None else {"stop": self.stop.begin(self.ids, self.lengths)}

    def ends(self, tokens: Any, stops: Any) -> tuple[Any, dict[str, Any]]:
        """Returns which rows the new tokens end, bool, and the state's "stop" after them."""
        ended = among(tokens, self.end_ids)
        if self.stop is None:
            return ended, {}
        stops = self.stop.advance(stops, tokens)
        return ops.logical_or(ended, self.stop.has_ended(stops)), {"stop": stops}
