"""What TensorFlow Serving is told to ask before clients do."""

import keras
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2

from tftransformer.serving import ServedModule, TaskGraph
from tftransformer.serving.compiled import compiled_width
from tftransformer.serving.warm_up import WARM_UP

# Of tensorflow_serving/apis: prediction_log.proto, predict.proto, model.proto.
MESSAGES = {
    "ModelSpec": {"name": (1, "string"), "signature_name": (3, "string")},
    "Entry": {"key": (1, "string"), "value": (2, "tensorflow.TensorProto")},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, "[Entry]")},
    "PredictLog": {"request": (1, "PredictRequest")},
    "PredictionLog": {"predict_log": (6, "PredictLog")},
}


def message_class(name):
    """The class of a message, by the protobuf library."""
    pool = descriptor_pool.DescriptorPool()

    def add(file):
        for dependency in file.dependencies:
            add(dependency)
        pool.AddSerializedFile(file.serialized_pb)

    add(tensor_pb2.DESCRIPTOR)
    file = descriptor_pb2.FileDescriptorProto(
        name="log.proto",
        package="serving",
        syntax="proto3",
        dependency=[tensor_pb2.DESCRIPTOR.name],
    )
    kinds = descriptor_pb2.FieldDescriptorProto
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for field, (number, kind) in fields.items():
            made = described.field.add(name=field, number=number, label=kinds.LABEL_OPTIONAL)
            if kind.startswith("["):
                made.label, kind = kinds.LABEL_REPEATED, kind[1:-1]
            made.type = kinds.TYPE_STRING if kind == "string" else kinds.TYPE_MESSAGE
            if kind != "string":
                made.type_name = f".{kind}" if "." in kind else f".serving.{kind}"
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"serving.{name}"))


class CountGraph(TaskGraph):
    """How many tokens there are, each a word; the model has no say."""

    signatures = ("serving_default", "other")
    fills = {"token_ids": 0}
    tracked = []

    def __init__(self, max_length):
        self.max_length = max_length

    def encode(self, texts):
        ids = tf.strings.to_hash_bucket_fast(tf.strings.split(texts), 9) + 1
        return {"token_ids": tf.cast(ids[:, : self.max_length].to_tensor(0), tf.int32)}, None

    def compute(self, model, rows, fixed):
        return tf.reduce_sum(tf.cast(rows["token_ids"] > 0, tf.int32), axis=1)

    def answers(self, found, known):
        return {name: {"count": found} for name in self.signatures}


@pytest.mark.slow
@pytest.mark.parametrize(("jit_compile", "widths"), [(False, [16]), (True, [16, 32, 40])])
def test_every_signature_is_asked_once_for_every_width(tmp_path, jit_compile, widths):
    layer = keras.layers.Dense(1)
    layer.build((None, 1))
    path = ServedModule(CountGraph(40), layer, jit_compile=jit_compile).save(tmp_path / "served")
    served, found = tf.saved_model.load(str(path)).signatures, {}
    for record in tf.data.TFRecordDataset(str(path / WARM_UP)):
        request = message_class("PredictionLog").FromString(record.numpy()).predict_log.request
        (text,) = request.inputs
        tensor = tensor_pb2.TensorProto.FromString(text.value.SerializeToString())
        name = request.model_spec.signature_name
        count = served[name](**{text.key: tf.constant(tf.make_ndarray(tensor))})["count"]
        found.setdefault(name, []).append(int(compiled_width(int(count[0]), 40)))
    assert found == {"serving_default": widths, "other": widths}
