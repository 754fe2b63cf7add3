"""ConvolvedLayer."""

from collections.abc import Mapping
from typing import Any

import keras

from tftransformer.core import build_once, register
from tftransformer.layers.encoder_layer import EncoderLayer
from tftransformer.layers.norms import Residual, make_norm


@register
class ConvolvedLayer(EncoderLayer):
    """A layer with a convolution beside it: `norm(layer(x) + convolution(x))` (DeBERTa v2).

    Attention sees the order of tokens by their distances alone; the convolution sees pieces that
    follow each other (He et al. 2021, version 2 of the authors' code).

    Args:
        d_model: width of input and output.
        num_heads: number of attention heads.
        dff: width inside the feed-forward net.
        convolution: the layer beside it, such as `Convolution`; None for none.
        **options: arguments of `EncoderLayer`.
    """

    def __init__(
        self,
        d_model: int,
        num_heads: int,
        dff: int,
        *,
        convolution: keras.layers.Layer | None = None,
        **options: Any,
    ):
        super().__init__(d_model, num_heads, dff, **options)
        self.convolution, self.convolution_residual = convolution, None
        if convolution is not None:
            norm = make_norm(self.normalization, self.epsilon, dtype=self.dtype_policy, name="norm")
            self.convolution_residual = Residual(
                after=norm, dtype=self.dtype_policy, name="convolution_residual"
            )

    def check_cacheable(self) -> None:
        super().check_cacheable()
        if self.convolution is not None:
            raise ValueError(
                f"{self.convolution!r} looks at tokens on either side, which a cache does not hold."
            )

    def build(self, x_shape: Any) -> None:
        super().build(x_shape)
        build_once(self.convolution, x_shape)
        build_once(self.convolution_residual, x_shape)

    def call(
        self,
        x: Any,
        attention_mask: Any = None,
        position_bias: Any = None,
        context: Mapping[str, Any] | None = None,
        expression: Any = None,
        state: Any = None,
        value: Any = None,
        training: bool | None = None,
    ) -> Any:
        """Transforms a sequence; see `EncoderLayer.call`."""
        y = super().call(
            x, attention_mask, position_bias, context, expression, state, value, training
        )
        if self.convolution is None or self.convolution_residual is None:
            return y
        beside = self.convolution(x, context=context, training=training)
        return self.convolution_residual(y, sublayer=lambda _: beside, training=training)
