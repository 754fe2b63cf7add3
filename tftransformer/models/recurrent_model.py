"""RecurrentModel."""

from collections.abc import Mapping
from typing import Any

from tftransformer.layers import LayerState, StackState
from tftransformer.models.further import take_further
from tftransformer.models.stack_model import StackModel


class RecurrentModel(StackModel):
    """A stack with a memory of earlier segments, and heads: the base of Transformer-XL and XLNet.

    Inputs are those of `StackModel`, and optionally: `memory`, for each layer a float tensor
    (batch, M, d_model), the output `memory` of the previous segment; `memory_lengths`, int
    (batch,), how many of the M positions are filled, counted from their end (default: all).

    Decoding sees as far back as the memory reaches, or everything if the model keeps no memory.

    The outputs also hold `memory`: for each layer its last inputs, (batch, M, d_model).

    >>> model = tt.XLNet(vocab_size=100, num_layers=2, d_model=16, num_heads=2, dff=32)
    >>> text, memory = np.ones((1, 6), "int32"), None
    >>> for segment in np.split(text, 2, axis=1):
    ...     outputs = model({"token_ids": segment, "memory": memory})
    ...     memory = outputs["memory"]
    >>> memory[0].shape
    TensorShape([1, 6, 16])
    """

    input_names = (*StackModel.input_names, "memory", "memory_lengths")

    def forward(
        self, inputs: Any, heads: Any, state: Any = None, training: bool | None = None
    ) -> Any:
        state = state or StackState([LayerState() for _ in self.stack.layers])
        inputs = self.with_defaults(inputs)
        outputs = super().forward(inputs, heads, state, training)
        memory = self.stack.update_memory(
            state.hidden_states, inputs.get("memory"), inputs["padding_mask"]
        )
        return {**outputs, "memory": memory}

    def with_memory(self, length: int | None) -> "RecurrentModel":
        """Returns a model with the same weights, copied, whose memory has another length.

        A model trained with a short memory can be evaluated with a longer one (Dai et al. 2019,
        §4).

        Args:
            length: how many positions the memory holds.

        >>> model = tt.TransformerXL(20, 1, 16, 2, 32, memory_length=4, cutoffs=())
        >>> model.with_memory(16)(np.ones((1, 3), "int32"))["memory"][0].shape
        TensorShape([1, 16, 16])
        """
        other = type(self).from_config({**self.get_config(), "memory_length": length})
        other.set_weights(self.get_weights())
        take_further(other, self)
        return other

    def run_stack(
        self, inputs: Mapping[str, Any], state: StackState | None, training: bool | None
    ) -> Any:
        return self.stack(
            inputs["token_ids"], state=state, training=training, **self.given_to_stack(inputs)
        )

    def given_to_stack(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the arguments of the stack besides the ids, from completed inputs."""
        context = dict(inputs)
        del context["token_ids"]
        named = {name: context.pop(name, None) for name in ("padding_mask", "memory")}
        return {**named, "context": context}
