"""DistilBert."""

from collections.abc import Callable
from functools import partial

import keras

from tftransformer.core import register, with_defaults, with_fixed
from tftransformer.heads import TokenHead
from tftransformer.models.bert import Bert, transforming_classifier

# Rates on the input of the classifiers, and of the head for spans.
CLASSIFIER_DROPOUT, SPAN_DROPOUT = 0.2, 0.1


@register
class DistilBert(Bert):
    """BERT with half the layers, no segments and no pooler (Sanh et al. 2019). Defaults: the base.

    It learns from a BERT how that distributes its predictions, and starts from every second of its
    layers.

    Inputs and arguments are those of `Bert`, but for those of segments and of the width of
    embeddings: int ids (batch, length), or a dict of `token_ids` and optionally `padding_mask`,
    `position_ids`; by default there are 6 layers. Weights start from a normal distribution of
    standard deviation 0.02.

    Heads: `masked_lm`, `sequence_classification`, `token_classification`, `span`,
    `multiple_choice`. Those for whole sequences have their own transformation, with relu.

    Example:

    >>> model = DistilBert(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64,
    ...                    heads={"sequence_classification": {"labels": 3}})
    >>> model(np.ones((2, 7), "int32"))["sequence_classification"].shape
    TensorShape([2, 3])
    """

    __init__ = with_fixed(
        with_defaults(Bert.__init__, num_layers=6, heads=()),
        segments=None,
        embedding_width=None,
        order=None,
    )

    @staticmethod
    def initializer() -> keras.initializers.Initializer:
        return keras.initializers.RandomNormal(stddev=0.02)

    def makers(self, language_model: Callable) -> dict[str, Callable]:
        makers = super().makers(language_model)
        classifier = partial(
            transforming_classifier, self.d_model, "relu", dropout=CLASSIFIER_DROPOUT, before=0.0
        )
        return {
            "masked_lm": language_model,
            "sequence_classification": classifier,
            "token_classification": makers["token_classification"],
            "span": partial(TokenHead, labels=["start", "end"], dropout=SPAN_DROPOUT),
            "multiple_choice": partial(classifier, labels=1, squeeze=True),
        }
