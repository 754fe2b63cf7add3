"""Electra."""

from collections.abc import Callable
from functools import partial
from typing import Any

from tftransformer.core import register, with_defaults, with_fixed
from tftransformer.heads import TokenHead, Transform
from tftransformer.models.bert import Bert, transforming_classifier

CHOICE_DROPOUT = 0.1  # on the input of the head for multiple choice


@register
class Electra(Bert):
    """BERT that is trained to find replaced tokens (Clark et al. 2020). Defaults: ELECTRA-small.

    The discriminator, which finds them, has the head `replaced`; the generator, which replaces
    them, is a smaller model with the head `masked_lm`. `ReplacedTokenModel` trains both. The
    embeddings may be narrower than the stack, to which they are then projected.

    Inputs and arguments are those of `Bert`: int ids (batch, length), or a dict of `token_ids` and
    optionally `padding_mask`, `segment_ids`, `position_ids`; `embedding_width` None is that of the
    stack, without the projection.

    Heads: `replaced`, the log-odds (batch, length, 1) that a token is not the original one, from
    states transformed with the activation of the stack; `masked_lm`; `lm`, the same for a stack
    under `CausalMask() & PaddingMask()`; `sequence_classification`, with its own transformation,
    `token_classification`, `span`, `multiple_choice`. All but `replaced` transform with "gelu".

    Example:

    >>> sizes = {"vocab_size": 50, "num_layers": 1, "num_heads": 2, "dff": 32}
    >>> model = tt.ReplacedTokenModel(
    ...     Electra(**sizes, d_model=8, embedding_width=16, heads=["masked_lm"]),
    ...     Electra(**sizes, d_model=16, embedding_width=None, heads=["replaced"]),
    ...     head="replaced")
    >>> outputs = model({"token_ids": np.ones((1, 7), "int32"),
    ...                  "mask_positions": np.array([[2, 5]]), "masked_ids": np.array([[8, 9]])})
    >>> outputs["masked_lm"].shape, outputs["replaced"].shape
    (TensorShape([1, 2, 50]), TensorShape([1, 7, 1]))
    """

    __init__ = with_fixed(
        with_defaults(
            Bert.__init__, d_model=256, num_heads=4, dff=1024, embedding_width=128, heads=()
        ),
        order=None,
    )

    def makers(self, language_model: Callable) -> dict[str, Callable]:
        makers = super().makers(partial(language_model, activation="gelu"))
        classifier = partial(transforming_classifier, self.d_model, "gelu")
        activation = self.stack.layers[0].feed_forward.activation
        return {
            **{name: makers[name] for name in ("masked_lm", "lm", "token_classification", "span")},
            "replaced": partial(_replaced, self.d_model, activation),
            "sequence_classification": partial(classifier, dropout=self.dropout),
            "multiple_choice": partial(
                classifier, dropout=CHOICE_DROPOUT, before=0.0, labels=1, squeeze=True
            ),
        }


def _replaced(
    width: int, activation: Any, *, dtype: Any, kernel_initializer: Any, **given: Any
) -> TokenHead:
    """Returns the head that finds replaced tokens: one logit for each token."""
    common = {"kernel_initializer": kernel_initializer, "dtype": dtype}
    transform = Transform(width, activation=activation, name="transform", **common)
    return TokenHead(**{"labels": 1, **given}, transform=transform, **common)
