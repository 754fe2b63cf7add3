"""SpanBeamHead."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import Layer, fresh, register
from tftransformer.layers import make_norm
from tftransformer.layers.projection import Projection


@register
class SpanBeamHead(Layer):
    """The span that answers a question; the end depends on the start (Yang et al. 2019).

    It finds the likeliest ends for each of the likeliest starts, and predicts whether there is an
    answer at all.

    Args:
        d_model: width of its inner layer.
        starts: how many starts are tried.
        ends: how many ends are kept for each start.
        epsilon: added to the variance in the norm.
        kernel_initializer: initializer of the projections.
    """

    keeps_tokens = False

    def __init__(
        self,
        d_model: int,
        *,
        starts: int = 5,
        ends: int = 5,
        epsilon: float = 1e-12,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.d_model, self.starts, self.ends = d_model, starts, ends

        def projection(name: str, width: int, **options: Any) -> Projection:
            return Projection(
                width,
                kernel_initializer=fresh(kernel_initializer),
                dtype=self.dtype_policy,
                name=name,
                **options,
            )

        self.start = projection("start", 1)
        self.end_inner = projection("end_inner", d_model, activation="tanh")
        self.end_norm = make_norm("layer", epsilon, dtype=self.dtype_policy, name="end_norm")
        self.end_outer = projection("end_outer", 1)
        self.answerable_inner = projection("answerable_inner", d_model, activation="tanh")
        self.answerable_outer = projection("answerable_outer", 1, use_bias=False)

    def build(self, hidden_shape: Any) -> None:
        *batch, width = hidden_shape
        for inner in (self.end_inner, self.answerable_inner):
            inner.build((*batch, width * 2))
        inside = (*batch, self.d_model)
        for layer in (self.end_norm, self.end_outer, self.answerable_outer):
            layer.build(inside)
        self.start.build(hidden_shape)

    def call(
        self,
        hidden: Any,
        inputs: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> dict[str, Any]:
        """Finds spans.

        Args:
            hidden: float tensor (batch, length, d).
            inputs: the inputs of the model; these are read where given: `span_mask`, bool (batch,
                length), True = an answer may start or end here; `class_positions`, int (batch,),
                the token whose state says whether there is an answer (default: the last);
                `start_positions`, int (batch,), true starts, to train by.

        Returns:
            dict of `start_logits` (batch, length); `start_probabilities` and `start_positions`
            (batch, starts), likeliest first; `end_probabilities` and `end_positions` (batch,
            starts, ends); `answerable` (batch,), a logit, given all starts by probability. With
            true starts, `end_logits` (batch, length) and `answerable` are given those.
        """
        length = hidden.shape[1]
        if length is not None and length < max(self.starts, self.ends):
            raise ValueError(
                f"{length} tokens have no {self.starts} starts and {self.ends} ends: pad the "
                "inputs, or build the head with fewer starts and ends."
            )
        inputs = inputs or {}
        allowed = inputs.get("span_mask")
        start_logits = restricted(self.start(hidden)[..., 0], allowed)
        probabilities = ops.softmax(ops.cast(start_logits, "float32"))
        likeliest, starts = ops.top_k(probabilities, self.starts)
        states = ops.take_along_axis(hidden, ops.expand_dims(starts, -1), axis=1)
        end_logits = self._score_ends(hidden, states, allowed)
        end_likeliest, ends = ops.top_k(ops.softmax(ops.cast(end_logits, "float32")), self.ends)
        outputs = {
            "start_logits": start_logits,
            "start_probabilities": likeliest,
            "start_positions": ops.cast(starts, "int32"),
            "end_probabilities": end_likeliest,
            "end_positions": ops.cast(ends, "int32"),
        }
        if "start_positions" in inputs:
            state = state_at(hidden, inputs["start_positions"])
            outputs["end_logits"] = self._score_ends(hidden, state[:, None], allowed)[:, 0]
        else:
            weights = ops.cast(probabilities, hidden.dtype)[:, None]
            state = ops.matmul(weights, hidden)[:, 0]
        if "class_positions" in inputs:
            summary = state_at(hidden, inputs["class_positions"])
        else:
            summary = hidden[:, -1]
        inner = self.answerable_inner(ops.concatenate([state, summary], axis=-1))
        return {**outputs, "answerable": self.answerable_outer(inner)[:, 0]}

    def _score_ends(self, hidden: Any, states: Any, allowed: Any) -> Any:
        """Logits of the ends (batch, starts, length), for the states at some starts."""
        shape = (*ops.shape(states)[:2], *ops.shape(hidden)[1:])
        pairs = [
            ops.broadcast_to(hidden[:, None], shape),
            ops.broadcast_to(states[:, :, None], shape),
        ]
        inner = self.end_norm(self.end_inner(ops.concatenate(pairs, axis=-1)))
        return restricted(
            self.end_outer(inner)[..., 0], None if allowed is None else allowed[:, None]
        )


def restricted(logits: Any, allowed: Any) -> Any:
    """Returns logits with no chance where it is not allowed."""
    return logits if allowed is None else ops.where(allowed, logits, -3e4)


def state_at(hidden: Any, positions: Any) -> Any:
    """Returns the states (batch, d) at int positions (batch,)."""
    return ops.take_along_axis(hidden, positions[:, None, None], axis=1)[:, 0]
