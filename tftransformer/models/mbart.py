"""MBart."""

from typing import Any

from keras import ops

from tftransformer.core import register, with_defaults
from tftransformer.models.bart import Bart


@register
class MBart(Bart):
    """The BART of many languages (Liu et al. 2020), with norms before the sublayers.

    Each stack ends with a further norm. Defaults: the large model for 25 languages.

    Inputs are a dict of `source_ids` and optionally `target_ids`, `source_padding_mask` and
    `target_padding_mask`, as for `Bart`, whose arguments and heads it has. Texts end with the code
    of their language (that of 50 languages, Tang et al. 2020, has it in front): without
    `target_ids`, as for classifiers, the decoder reads the last token of the source, which must not
    be padded on the left, and then the source. Targets begin with the code of theirs: as
    `start_id`, or, behind the `start_id` of a model that translates into several, by the option
    `forced_bos_token_id` of a task, or `ForcedStart`.

    Example:

    >>> model = MBart(vocab_size=100, num_layers=2, d_model=32, num_heads=4, dff=64)
    >>> ids = np.ones((3, 7), "int32")
    >>> model({"source_ids": ids, "target_ids": ids[:, :5]})["lm"].shape
    TensorShape([3, 5, 100])
    """

    __init__ = with_defaults(
        Bart.__init__,
        vocab_size=250027,
        num_layers=12,
        d_model=1024,
        num_heads=16,
        dff=4096,
        scale_embeddings=True,
    )
    norm = "pre"

    def first_targets(self, source_ids: Any) -> Any:
        """Returns the last token of each source: int (batch, 1)."""
        real = ops.cast(ops.not_equal(source_ids, self.pad_id), "int32")
        last = ops.maximum(ops.sum(real, axis=1, keepdims=True) - 1, 0)
        return ops.take_along_axis(source_ids, last, axis=1)
