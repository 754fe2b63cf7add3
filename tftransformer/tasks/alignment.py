"""What a translator looks at while it writes."""

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tftransformer.tasks.given import positions_of
from tftransformer.tasks.text_to_text_graph import TextToTextGraph


class Alignment(NamedTuple):
    """What the decoder looked at while it wrote a translation.

    Attributes:
        weights: float32 array (layers, heads, target tokens, source tokens).
        source_tokens: the pieces of the source, its prefix first and the end token last.
        target_tokens: the piece that each row of the weights produced, the end token last.
    """

    weights: np.ndarray
    source_tokens: list[str]
    target_tokens: list[str]


def alignment_of(model: Any, graph: TextToTextGraph, source: str, target: str) -> Alignment:
    """Returns what each head of the decoder looks at while it writes a translation.

    Args:
        model: an encoder-decoder model.
        graph: says what the model reads of a source, and what a translation begins with.
        source: the source text.
        target: its translation.
    """
    reader, writer = graph.source_tokenizer, graph.target_tokenizer
    rows, _ = graph.encode_at_once(tf.constant([source]))
    source_ids = rows["source_ids"].numpy()[0]
    (target_ids,) = writer.encode([target]).ids
    positions = positions_of(model)
    # A translation that ran into the limit has as many tokens as the model has positions.
    target_ids = target_ids[: positions and positions - 1]
    started = np.array([[graph.start_id, *target_ids]], "int32")
    details = model.details({"source_ids": source_ids[None], "target_ids": started})
    weights = [keras.ops.convert_to_numpy(w)[0] for w in details["cross_attentions"]]
    return Alignment(
        np.stack(weights),
        reader.tokens(source_ids.tolist()),
        writer.tokens([*target_ids, writer.special_ids["end"]]),
    )
