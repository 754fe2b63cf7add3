"""Replaced tokens: which tokens of a text came from a generator."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tftransformer.core import register
from tftransformer.objectives.examples import Examples
from tftransformer.objectives.masked_tokens import MaskedExamples, MaskedTokens


@register
class ReplacedTokens(MaskedTokens):
    """Which tokens of a text were replaced by a generator's guesses (ELECTRA, Clark et al. 2020).

    For `ReplacedTokenModel`, a generator and a discriminator that are trained together. Tokens are
    chosen as by `MaskedTokens`, also in documents of any length, and all become the mask token. The
    inputs include `masked_ids`, the original ids. The generator is trained to predict them (output
    `masked_lm`); the discriminator predicts for each token, special ones included, whether it was
    replaced (output `replaced`, whose loss has the given factor: λ in eq. 4).

    Args:
        share: share of the tokens that are chosen.
        factor: factor of the discriminator's loss.
        whole_words, spans: see `MaskedTokens`.

    Example:

    >>> objective = ReplacedTokens()
    >>> sorted(objective.losses()), objective.loss_weights
    (['masked_lm', 'replaced'], {'masked_lm': 1.0, 'replaced': 50.0})
    """

    becomes_mask = becomes_other = 1.0

    def __init__(
        self,
        share: float = 0.15,
        factor: float = 50.0,
        *,
        whole_words: bool = False,
        spans: bool = False,
    ):
        super().__init__(share, whole_words, "masked_lm", spans=spans)
        self.factor = factor
        self.loss_weights = {"masked_lm": 1.0, "replaced": float(factor)}

    def hidden_in(self, examples: Examples, tokenizer: Any) -> "ReplacedExamples":
        return ReplacedExamples(examples, self, tokenizer)

    def losses(self) -> dict[str, Any]:
        binary = keras.losses.BinaryCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        )
        return {**super().losses(), "replaced": binary}

    def metrics(self) -> dict[str, Any]:
        binary = keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)
        return {**super().metrics(), "replaced": [binary]}


class ReplacedExamples(MaskedExamples):
    """Rows with hidden tokens, and what stood there."""

    def batch(self, rows: np.ndarray, widths: Sequence[int]) -> tuple[Any, Any, Any]:
        inputs, labels, weights = super().batch(rows, widths)
        real = inputs["padding_mask"]
        known = np.where(weights["masked_lm"] > 0, labels["masked_lm"], -1).astype(np.int32)
        # The model's output is how sure it is of what is true, which only it knows.
        true = np.ones((*real.shape, 1), np.float32)
        return (
            {**inputs, "masked_ids": known},
            {**labels, "replaced": true},
            {**weights, "replaced": real.astype(np.float32)},
        )
