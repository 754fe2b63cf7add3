"""MaskedLanguageModelHead."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, get_activation, register
from tftransformer.heads.language_model_head import LanguageModelHead
from tftransformer.layers import make_norm
from tftransformer.layers.projection import make_projection


@register
class MaskedLanguageModelHead(Layer):
    """Logits over the vocabulary from transformed states (Devlin et al. 2019, §3.1).

    `norm(activation(h W + b)) Eᵀ + c`.

    Args:
        vocab_size: number of token ids.
        d_model: width of the transformed states.
        activation: activation of the transformation.
        epsilon: added to the variance in the norm.
        use_bias: whether the transformation has a bias.
        norm: the norm; default: a layer norm.
        output_bias: whether each token has a bias.
        tied_to: the `Embedding` layer whose table is E, as for `LanguageModelHead`; None to use
            separate weights.
        kernel_initializer: initializer of the transformation, and of separate weights.
    """

    keeps_tokens = False  # not with `mask_positions`: weights say what counts

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        *,
        activation: Any = "gelu",
        epsilon: float = 1e-12,
        use_bias: bool = True,
        norm: keras.layers.Layer | None = None,
        output_bias: bool = True,
        tied_to: keras.layers.Embedding | None = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.vocab_size, self.activation = vocab_size, get_activation(activation)
        self.transform = make_projection(
            "transform", d_model, use_bias, kernel_initializer, self.dtype_policy
        )
        self.norm = norm or make_norm("layer", epsilon, dtype=self.dtype_policy, name="norm")
        self.output_projection = LanguageModelHead(
            vocab_size,
            tied_to=tied_to,
            use_bias=output_bias,
            kernel_initializer=kernel_initializer,
            dtype=self.dtype_policy,
            name="output",
        )

    def build(self, hidden_shape: Any) -> None:
        self.transform.build(hidden_shape)
        transformed = (*hidden_shape[:-1], self.transform.units)
        self.norm.build(transformed)
        self.output_projection.build(transformed)

    def call(
        self,
        hidden: Any,
        inputs: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Projects hidden states to logits.

        Args:
            hidden: float tensor (…, d_model).
            inputs: the inputs of the model. With `mask_positions`, int (batch, masked), only the
                states at these positions of `hidden` (batch, length, d_model) are projected: about
                a seventh of the work in training.

        Returns:
            float tensor (…, vocab_size), or (batch, masked, vocab_size), in the compute dtype.
        """
        positions = (inputs or {}).get("mask_positions")
        if positions is not None:
            hidden = ops.take_along_axis(hidden, ops.expand_dims(positions, -1), axis=1)
        return self.output_projection(self.norm(self.activation(self.transform(hidden))))

    def compute_output_shape(self, hidden_shape: Any) -> tuple[int | None, ...]:
        return (*hidden_shape[:-1], self.vocab_size)
