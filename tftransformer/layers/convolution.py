"""Convolution."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from tftransformer.core import Layer, check_ints, get_activation, register
from tftransformer.layers.dropout import Dropout
from tftransformer.layers.projection import make_projection
from tftransformer.masks import Mask, PaddingMask


@register
class Convolution(Layer):
    """Mixes each position with its neighbours; used in place of attention.

    `activation([x[t - n]; …; x[t + n]] W + b)`, with zeros beyond the ends and for padding
    (Collobert et al. 2011, "Natural Language Processing (Almost) from Scratch", §3.3). Attention
    has to learn which positions are adjacent. A window knows it from the start, which helps where
    training rows are few and what matters is near, as for names in a sentence.

    Pass it as the `attention` of an `EncoderLayer`. Of the mask it reads only the padding.

    Args:
        d_model: width of input and output.
        neighbours: number of positions on either side that a position sees.
        activation: activation of the output.
        dropout: rate on what goes into the activation.
        kernel_initializer: initializer of the projection.

    Example:

    >>> layer = Convolution(2, 1, activation="linear", kernel_initializer="ones")
    >>> x = ops.reshape(ops.arange(6, dtype="float32"), (1, 3, 2))
    >>> np.asarray(layer(x, context={"padding_mask": np.array([[True, True, False]])}))[0]
    array([[6., 6.],
           [6., 6.],
           [5., 5.]], dtype=float32)
    """

    def __init__(
        self,
        d_model: int,
        neighbours: int = 1,
        *,
        activation: Any = "gelu",
        dropout: float = 0.0,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_ints(1, d_model=d_model, neighbours=neighbours)
        self.d_model, self.neighbours = d_model, neighbours
        self.activation = get_activation(activation)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy, name="dropout")
        self.projection = make_projection(
            "projection", d_model, True, kernel_initializer, self.dtype_policy
        )

    def build(self, x_shape: Any, value_shape: Any = None) -> None:
        self.projection.build((*x_shape[:-1], (2 * self.neighbours + 1) * x_shape[-1]))

    def check_mask(self, mask: Mask) -> None:
        """Raises a ValueError for a mask that hides more than padding."""
        if not isinstance(mask, PaddingMask):
            raise ValueError(
                f"{self!r} sees all neighbours but padding, whatever {mask!r} hides: give the "
                "stack mask=PaddingMask(), or attention."
            )

    def call(
        self,
        x: Any,
        value: Any = None,
        attention_mask: Any = None,
        context: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Mixes each position with its neighbours.

        Args:
            x: float tensor (batch, length, d_model).
            value: the same as `x`.
            attention_mask: not used.
            context: may hold `padding_mask`, bool (batch, length), True = a real token.
            training: whether dropout is active.

        Returns:
            float tensor (batch, length, d_model).
        """
        if context is not None:
            x = x * ops.expand_dims(ops.cast(context["padding_mask"], x.dtype), -1)
        length, n = ops.shape(x)[1], self.neighbours
        wide = ops.pad(x, [[0, 0], [n, n], [0, 0]])
        around = [wide[:, step : step + length] for step in range(2 * n + 1)]
        mixed = self.projection(ops.concatenate(around, axis=-1))
        return self.activation(self.dropout(mixed, training=training))

    def compute_output_shape(self, x_shape: Any, value_shape: Any = None) -> tuple[int | None, ...]:
        return (*x_shape[:-1], self.d_model)
