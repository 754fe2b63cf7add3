"""LayerwiseRates."""

import keras

from tftransformer.core import is_number, require
from tftransformer.training.hooks import GradientRule
from tftransformer.training.trainable import parts_of


class LayerwiseRates(GradientRule):
    """Lower learning rates for lower layers: part k of n has the rate times `decay^(n - k)`.

    Discriminative fine-tuning (Howard and Ruder 2018, §3.2), where the parts are the embeddings,
    each layer and the heads (see `freeze`). The factor multiplies the update, weight decay
    included, since Adam's steps do not depend on the scale of the gradients.

    Args:
        decay: factor from each part to the one below, above 0 and at most 1. Howard and Ruder take
            1/2.6 for the four parts of an LSTM; deep Transformers take more, such as 0.9.

    Attributes:
        scales: the factor of each part, from the bottom up, once a training has begun.

    Raises:
        ValueError: the decay is not such a number.

    Example:

    >>> model = tt.Gpt2(vocab_size=20, num_layers=2, d_model=8, num_heads=2, num_positions=16)
    >>> rates = LayerwiseRates(decay=0.5)
    >>> rates.begin(model)  # as `Trainer(model, gradients=rates, …)` does
    >>> rates.scales
    [0.25, 0.5, 1.0]
    """

    def __init__(self, decay: float = 1 / 2.6):
        require(is_number(decay) and 0 < decay <= 1, "decay", decay, "a number in (0, 1]")
        self.decay = float(decay)

    def begin(self, model: keras.Model) -> None:
        parts = parts_of(model)
        self.scales = [self.decay ** (len(parts) - 1 - number) for number in range(len(parts))]
        self._scale_of = {
            id(variable): scale
            for part, scale in zip(parts, self.scales, strict=True)
            for layer in part
            for variable in layer._trainable_variables
        }

    def update_scale(self, variable: keras.Variable) -> float:
        return self._scale_of[id(variable)]
