"""MaskGraph."""

from typing import Any

import tensorflow as tf

from tftransformer.core import check_ints
from tftransformer.tasks.row_graph import RowGraph
from tftransformer.text import WordPieceTokenizer


class MaskGraph(RowGraph):
    """From texts with mask tokens to the tokens that fit there.

    `serving_default` gives `tokens`, string (batch, masks, top_k), and `scores`, float32, best
    first, for each mask in the order of the text; `masks`, int32 (batch,), how many a text has;
    and `cut`, bool (batch,). What lies behind the last mask of a text means nothing.

    Args:
        top_k: how many tokens are served for each mask, at most all that there are.
        **row: see `RowGraph`.
    """

    advice = "fit with a larger max_length"  # what was cut off might be a mask

    def __init__(self, *, top_k: int = 5, **row: Any):
        super().__init__(texts=["texts"], **row)
        check_ints(1, top_k=top_k)
        self.mask_id = self.tokenizer.special_ids["mask"]
        self.strings = token_strings(self.tokenizer)
        self.top_k = min(top_k, len(self.strings))

    def ids(self, *texts: tf.Tensor) -> list[tf.RaggedTensor]:
        # The mask is asked for, and spells out in the text what it is.
        return [self.tokenizer.tokenize(text, allow_special=True) for text in texts]

    def compute(self, model: Any, rows: dict[str, tf.Tensor], fixed: bool) -> dict[str, tf.Tensor]:
        """Returns `probabilities`, float32 (rows, masks, pieces), and `masks`, int32 (rows,)."""
        is_mask = rows["token_ids"] == self.mask_id
        masks = tf.reduce_sum(tf.cast(is_mask, tf.int32), axis=1)
        width = tf.shape(is_mask)[1] if fixed else tf.maximum(tf.reduce_max(masks), 1)
        order = tf.argsort(tf.cast(is_mask, tf.int32), axis=1, direction="DESCENDING", stable=True)
        inputs = self.model_inputs(rows) | {"mask_positions": order[:, :width]}
        return {"probabilities": tf.nn.softmax(self.outputs(model, inputs)), "masks": masks}

    def answers(self, found: dict[str, tf.Tensor], known: Any) -> dict[str, dict[str, tf.Tensor]]:
        # Where shapes stay the same, `compute` has room for masks that no text has.
        most = tf.reduce_max(tf.concat([found["masks"], [1]], axis=0))
        scores, best = tf.math.top_k(found["probabilities"][:, :most], self.top_k)
        tokens = tf.gather(tf.constant(self.strings), best)
        served = {"tokens": tokens, "scores": scores, "masks": found["masks"], **known}
        return {"serving_default": served}


def token_strings(tokenizer: Any) -> list[str]:
    """What each piece is in a text, with the blank that it brings along; special ones by name.

    Of WordPiece the pieces as they are: `##s` goes on with a word.
    """
    pieces = tokenizer.tokens(range(tokenizer.vocab_size))
    if isinstance(tokenizer, WordPieceTokenizer):
        return pieces
    texts = tokenizer.decode([[i] for i in range(tokenizer.vocab_size)], continues=True)
    return [text or piece for text, piece in zip(texts, pieces, strict=True)]
