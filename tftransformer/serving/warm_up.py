"""Requests that TensorFlow Serving answers by itself before it accepts clients."""

import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

# Where TensorFlow Serving looks for them, in the folder of a SavedModel.
WARM_UP = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")


def write_warm_up(
    folder: pathlib.Path, signatures: Sequence[str], requests: Sequence[Mapping[str, Any]]
) -> None:
    """Writes requests into a SavedModel.

    The file is a TFRecord of `PredictionLog` messages of tensorflow_serving's
    `apis/prediction_log.proto`. Only four of their fields are needed, so they are written here in
    wire format, without that package.

    Args:
        folder: the SavedModel.
        signatures: names of the signatures that each request is sent to.
        requests: inputs by name.
    """
    path = folder / WARM_UP
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature in signatures:
            for inputs in requests:
                writer.write(_prediction_log(signature, inputs))


def _prediction_log(signature: str, inputs: Mapping[str, Any]) -> bytes:
    """`PredictionLog(predict_log=PredictLog(request=PredictRequest(model_spec, inputs)))`."""
    request = _field(1, _field(3, signature.encode()))  # ModelSpec.signature_name
    for name, value in inputs.items():
        tensor = tf.make_tensor_proto(value).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))  # an entry of a map
    return _field(6, _field(1, request))


def _field(number: int, value: bytes) -> bytes:
    """A field of bytes, a string or a message: its number and wire type 2, its length, itself."""
    length, size = bytearray(), len(value)
    while size > 127:
        length.append(size % 128 + 128)
        size //= 128
    length.append(size)
    return bytes([number << 3 | 2, *length]) + value


def warm_up_texts(width_of: Callable[[str], int], most: int | None) -> Iterator[str]:
    """Yields a text for each width of rows, from the smallest on.

    Args:
        width_of: function from a text to the width of its row.
        most: largest number of tokens in a row; None = no limit, and only the first text is
            yielded.
    """
    widest, words, most = 0, 1, most or 1
    while True:
        text = " ".join(["a"] * words)
        width = width_of(text)
        if width > widest:
            widest = width
            yield text
        if words == most:
            return
        words = min(words + (words + 1) // 2, most)
