"""LanguageModelHead."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Layer, fresh, register
from tftransformer.layers.projection import add_bias


@register
class LanguageModelHead(Layer):
    """Logits over the vocabulary: `cap(scale · h Eᵀ (+ b))`.

    Args:
        vocab_size: number of token ids.
        tied_to: the `Embedding` layer whose table is E (Press and Wolf 2017); None to use separate
            weights. A model class that creates both in its constructor, as `Transformer` does,
            keeps the tie in its file; Keras cannot load the file of a functional model with tied
            weights.
        use_bias: whether each token has a bias.
        scale: factor of the hidden states.
        cap: logits are brought into ±`cap` by `cap · tanh(logit / cap)` (Gemma 2, Riviere et al.
            2024, §2); None = they are left as they are.
        kernel_initializer: initializer of separate weights.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        tied_to: keras.layers.Embedding | None = None,
        use_bias: bool = False,
        scale: float = 1.0,
        cap: float | None = None,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.vocab_size, self.tied_to, self.use_bias = vocab_size, tied_to, use_bias
        self.scale, self.cap, self.kernel_initializer = scale, cap, kernel_initializer
        self.kernel = self.bias = None

    def build(self, hidden_shape: Any) -> None:
        if self.tied_to is not None:
            if not self.tied_to.built:
                self.tied_to.build()
        else:
            self.kernel = self.add_weight(
                shape=(self.vocab_size, hidden_shape[-1]),
                initializer=fresh(self.kernel_initializer),
                name="kernel",
            )
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.vocab_size,), initializer="zeros", name="bias")

    def call(
        self,
        hidden: Any,
        inputs: Mapping[str, Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Projects (…, d_model) to logits (…, vocab_size), in the compute dtype."""
        table = self.table()
        # As one plain matrix product: einsum's gradient would hold (vocab, d_model, batch, length).
        if self.scale != 1.0:
            hidden = hidden * self.scale
        *batch, width = ops.shape(hidden)
        table = ops.cast(table, hidden.dtype)
        if len(batch) == 1 and keras.backend.standardize_dtype(hidden.dtype) == "float32":
            # One position a row, as a step of decoding has it: a CPU multiplies few float32 rows
            # with a transposed table at a third of the speed of the table with few columns.
            logits = ops.transpose(ops.matmul(table, ops.transpose(hidden)))
        else:
            logits = ops.matmul(ops.reshape(hidden, (-1, width)), ops.transpose(table))
        return ops.reshape(self.finished(logits), (*batch, self.vocab_size))

    def finished(self, products: Any) -> Any:
        """Returns products of hidden states and table (tokens, vocab_size) as logits."""
        logits = products if self.bias is None else add_bias(products, self.bias)
        return logits if self.cap is None else ops.tanh(logits / self.cap) * self.cap

    def table(self) -> Any:
        """E, float (vocab_size, d_model): its own, or that of `tied_to`."""
        if self.tied_to is None:
            return self.kernel
        if self.tied_to.quantization_mode is None:
            return self.tied_to.embeddings
        # Keras's `quantize` leaves integers there; what they stand for, the layer's call knows.
        return self.tied_to(ops.arange(self.vocab_size))

    def compute_output_shape(self, hidden_shape: Any) -> tuple[int | None, ...]:
        return (*hidden_shape[:-1], self.vocab_size)
