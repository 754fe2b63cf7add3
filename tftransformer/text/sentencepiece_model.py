"""SentencePiece models: inside TensorFlow, and what one says of its pieces."""

import hashlib
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tftransformer.text.added_tokens import AddedToken

SPACE = "▁"  # how SentencePiece writes a blank
NAMES = {"mask": ("<mask>", "[MASK]"), "cls": ("<cls>", "[CLS]"), "sep": ("<sep>", "[SEP]")}


class GraphModel(tf.saved_model.experimental.TrackableResource):
    """The model inside TensorFlow.

    `tensorflow_text.SentencepieceTokenizer` leaves its resource to a kernel, and every
    `tf.random.set_seed` throws the kernels away. A shared name keeps it for the process.
    """

    def __init__(self, model: bytes):
        super().__init__()
        self._content = model
        self._shared_name = f"sentencepiece_{hashlib.sha256(model).hexdigest()}"
        _ = self.resource_handle  # made here, not inside of the first graph

    def _create_resource(self) -> Any:
        from tensorflow_text.python.ops import sentencepiece_tokenizer as ops

        return ops.gen_sentencepiece_tokenizer.sentencepiece_op(
            model=self._content, shared_name=self._shared_name
        )


def special_ids_of(processor: Any) -> dict[str, int]:
    """What the model itself says, and control symbols under the names that everybody gives them."""
    known = {
        "pad": processor.pad_id(),
        "unk": processor.unk_id(),
        "start": processor.bos_id(),
        "end": processor.eos_id(),
    }
    for role, names in NAMES.items():
        ids = (processor.piece_to_id(name) for name in names)
        known[role] = next((i for i in ids if processor.is_control(i)), -1)
    return {role: i for role, i in known.items() if i >= 0}


def load_model(model: bytes) -> Any:
    """The sentencepiece library's processor of a serialised model.

    Raises:
        ValueError: these bytes are none.
    """
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor()
    try:
        processor.LoadFromSerializedProto(model)
    except RuntimeError as error:
        raise ValueError(f"not a SentencePiece model ({error})") from None
    return processor


def messages() -> Any:
    """The classes of a serialised model."""
    from sentencepiece import sentencepiece_model_pb2

    return sentencepiece_model_pb2


def with_symbol(model: bytes, symbol: str) -> bytes:
    """A serialised model that has a character behind its pieces, which is always one by itself."""
    proto = messages().ModelProto
    made = proto.FromString(model)
    made.pieces.add(piece=symbol, score=0.0, type=proto.SentencePiece.USER_DEFINED)
    return made.SerializeToString()


def surfaces_of(
    processor: Any, pieces: Sequence[int | str], added: Sequence[AddedToken] | None
) -> list[bytes]:
    """What each piece looks like in text; empty for control pieces and special added tokens.

    Args:
        processor: that of the model.
        pieces: of each its number in the model or, where it has none, its name.
        added: tokens that take the place of pieces, by their ids.
    """
    of_added = {x.id: b"" if x.special else x.content.encode() for x in added or ()}
    return [of_added.get(i, _surface(processor, piece)) for i, piece in enumerate(pieces)]


def _surface(processor: Any, piece: int | str) -> bytes:
    if isinstance(piece, str):
        return piece.replace(SPACE, " ").encode()
    name = processor.id_to_piece(piece)
    if processor.is_control(piece):
        return b""
    if processor.is_byte(piece):
        return bytes([int(name[1:-1], base=16)])
    if processor.is_unknown(piece):
        return processor.decode([piece]).encode()  # as the model says, by default " ⁇ "
    return name.replace(SPACE, " ").encode()
