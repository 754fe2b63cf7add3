"""What a translator looks at while it writes."""

from typing import Any, NamedTuple

import keras
import numpy as np

from tftransformer.tasks.given import positions_of
from tftransformer.tasks.text_to_text_graph import start_of


class Alignment(NamedTuple):
    """What the decoder looked at while it wrote a translation.

    Attributes:
        weights: float32 array (layers, heads, target tokens, source tokens).
        source_tokens: the pieces of the source, the end token last.
        target_tokens: the piece that each row of the weights produced, the end token last.
    """

    weights: np.ndarray
    source_tokens: list[str]
    target_tokens: list[str]


def alignment_of(
    model: Any, tokenizers: Any, source: str, target: str, max_source_length: int | None
) -> Alignment:
    """Returns what each head of the decoder looks at while it writes a translation.

    Args:
        model: an encoder-decoder model.
        tokenizers: have its `source_tokenizer` and `target_tokenizer`.
        source: the source text.
        target: its translation.
        max_source_length: most tokens of the source, the end token included, or None.
    """
    reader, writer = tokenizers.source_tokenizer, tokenizers.target_tokenizer
    (source_ids,), (target_ids,) = (
        tokenizer.encode([text]).ids for tokenizer, text in ((reader, source), (writer, target))
    )
    source_ids = source_ids[: max_source_length and max_source_length - 1]
    source_ids = np.array([*source_ids, reader.special_ids["end"]], "int32")
    positions = positions_of(model)
    # A translation that ran into the limit has as many tokens as the model has positions.
    target_ids = target_ids[: positions and positions - 1]
    started = np.array([[start_of(model, writer), *target_ids]], "int32")
    details = model.details({"source_ids": source_ids[None], "target_ids": started})
    weights = [keras.ops.convert_to_numpy(w)[0] for w in details["cross_attentions"]]
    return Alignment(
        np.stack(weights),
        reader.tokens(source_ids.tolist()),
        writer.tokens([*target_ids, writer.special_ids["end"]]),
    )
