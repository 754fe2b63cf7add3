"""ReplacedTokenModel."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from tftransformer.core import Configurable, register
from tftransformer.models.headed_model import HeadedModel


@register
class ReplacedTokenModel(Configurable, keras.Model):
    """A generator that replaces tokens, and a discriminator that finds them (Clark et al. 2020).

    ELECTRA's pre-training, for the objective `ReplacedTokens`. Masked tokens are sampled from the
    generator's distribution (without a gradient), and the discriminator predicts for each token
    whether it was replaced. The result of the training is the `discriminator`; the generator works
    best at a quarter to half of its width. They share no weights.

    Inputs are those of both models, with `mask_positions` and `masked_ids`, int (batch, masked),
    the original ids there, -1 for padding. Outputs: `masked_lm`, the generator's logits (batch,
    masked, vocab); `replaced`, float (batch, length, 1), the log-odds that the discriminator gives
    to the truth: above 0 where it is right.

    Args:
        generator: a model with the head `masked_lm`.
        discriminator: a model over the same vocabulary.
        head: the discriminator's head, with one logit for each token, above 0 for replaced tokens.

    Example:

    >>> sizes = {"vocab_size": 50, "num_layers": 1, "num_heads": 2}
    >>> model = ReplacedTokenModel(
    ...     tt.Bert(**sizes, d_model=8, dff=16, heads=["masked_lm"]),
    ...     tt.Bert(**sizes, d_model=16, dff=32, heads={"token_classification": {"labels": 1}}))
    >>> outputs = model({"token_ids": np.ones((1, 7), "int32"),
    ...                  "mask_positions": np.array([[2, 5]]), "masked_ids": np.array([[8, 9]])})
    >>> outputs["masked_lm"].shape, outputs["replaced"].shape
    (TensorShape([1, 2, 50]), TensorShape([1, 7, 1]))
    """

    def __init__(
        self,
        generator: HeadedModel,
        discriminator: HeadedModel,
        *,
        head: str = "token_classification",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        for model, name in ((generator, "masked_lm"), (discriminator, head)):
            if name not in model.heads:
                raise ValueError(
                    f"{type(model).__name__} has no head {name!r}; it has {sorted(model.heads)}."
                )
        self.generator, self.discriminator, self.head = generator, discriminator, head
        self.seed_generator = keras.random.SeedGenerator()
        self.built = True

    @property
    def pad_ids(self) -> dict[str, tuple[str, int | None]]:
        """See `StackModel.pad_ids`."""
        return self.discriminator.pad_ids

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> dict[str, Any]:
        """Returns `masked_lm` and `replaced`; without training each call draws the same numbers."""
        inputs = dict(inputs)
        originals = ops.cast(inputs.pop("masked_ids"), "int32")
        logits = self.generator.forward(inputs, ["masked_lm"], training=training)["masked_lm"]
        drawn = self._drawn(logits, training)
        ids = ops.cast(inputs["token_ids"], "int32")
        places = ops.cast(inputs.pop("mask_positions"), "int32")
        places = ops.where(originals < 0, -1, places)
        # One place at most is of each token: (batch, masked, length).
        here = ops.cast(places[:, :, None] == ops.arange(ops.shape(ids)[1]), "int32")
        seen = ids * (1 - ops.sum(here, axis=1)) + ops.sum(here * drawn[:, :, None], axis=1)
        is_other = ops.cast(drawn != originals, "int32")
        replaced = ops.sum(here * is_other[:, :, None], axis=1)
        inputs["token_ids"] = seen
        found = self.discriminator.forward(inputs, [self.head], training=training)[self.head]
        sign = ops.cast(2 * replaced - 1, found.dtype)[:, :, None]
        return {"masked_lm": logits, "replaced": found * sign}

    def _drawn(self, logits: Any, training: bool | None) -> Any:
        """Tokens drawn from the softmax of logits, by Gumbel's trick: int32 (batch, masked)."""
        logits = ops.cast(ops.stop_gradient(logits), "float32")
        seed = self.seed_generator if training else 0
        noise = keras.random.uniform(ops.shape(logits), 1e-7, 1.0, dtype="float32", seed=seed)
        return ops.argmax(logits - ops.log(-ops.log(noise)), axis=-1)
