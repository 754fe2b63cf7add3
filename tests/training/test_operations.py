"""What one training step makes a GPU do that XLA does not compile: the operations are counted.

No GPU is needed: a described one stands for it, TensorFlow's own optimizer of graphs is told of it,
and TensorFlow's list of kernels says which operation would run on it, and which of its tensors lie
in the memory of the host.
"""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, device_properties_pb2
from tensorflow.python.framework import kernels, op_def_registry
from tensorflow.python.grappler import cluster, tf_optimizer

import tftransformer as tt
from tftransformer.core.device import Device
from tftransformer.training import preparation

VOCABULARY, LENGTH = 520, 6
SIZES = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 24}
ON_HOST = (tf.int32.as_datatype_enum, tf.string.as_datatype_enum)  # arguments and constants
HANDLE = tf.resource.as_datatype_enum
# What only renames, what hands on a tensor of the right shape as it is, and what reads one number
# of a row.
NO_PASS = ("Reshape", "Shape", "Identity", "IdentityN", "BroadcastTo", "GatherV2")


def transformer():
    return tt.Transformer(**SIZES, vocab_size=VOCABULARY), ("source_ids", "target_ids"), None


def gpt2():
    return tt.Gpt2(VOCABULARY, **SIZES, num_positions=LENGTH), ("token_ids",), "lm"


def bert():
    model = tt.Bert(VOCABULARY, **SIZES, num_positions=LENGTH, heads=["masked_lm"])
    return model.only("masked_lm"), ("token_ids",), None


def batches(names):
    ids = np.random.default_rng(0).integers(1, VOCABULARY, (2, LENGTH)).astype("int32")
    item = dict.fromkeys(names, ids), ids, np.ones(ids.shape, "float32")
    spec = tf.nest.map_structure(lambda a: tf.TensorSpec((None, None), a.dtype), item)
    data = tf.data.Dataset.from_generator(lambda: [item], output_signature=spec)
    return data.apply(tf.data.experimental.assert_cardinality(1))


def traced(make, precision):
    """The graph of a training step, and what TensorFlow's optimizer leaves of it for a GPU."""
    keras.utils.set_random_seed(0)
    model, names, output = make()
    loss = tt.LabelSmoothedCrossEntropy(0.1)
    trainer = tt.Trainer(
        model,
        batches(names),
        loss={output: loss} if output else loss,
        optimizer="adam",
        precision=precision,
        jit_compile=False,
        verbose=0,
    )
    trainer.train()
    (step,) = (one for key, one in trainer._loop.steps._traces.items() if key[0] == "_train")
    return step.graph, optimized(step.graph), model


def optimized(graph):
    meta = tf.compat.v1.train.export_meta_graph(graph_def=graph.as_graph_def(), graph=graph)
    ends = [tensor.op.name for tensor in graph.outputs] + [op.name for op in graph.control_outputs]
    meta.collection_def["train_op"].node_list.value.extend(ends)
    config = config_pb2.ConfigProto()
    config.graph_options.rewrite_options.min_graph_nodes = -1
    devices = []
    for kind in ("GPU", "CPU"):
        name = f"/job:localhost/replica:0/task:0/device:{kind}:0"
        devices.append(device_properties_pb2.NamedDevice(name=name))
        devices[-1].properties.type = kind
    devices[0].properties.environment["architecture"] = "9.0"
    of_machine = cluster.Cluster(disable_detailed_stats=True, devices=devices)
    return tf_optimizer.OptimizeGraph(config, meta, cluster=of_machine)


def kernel_of(node):
    found = None
    for kernel in kernels.get_registered_kernels_for_op(node.op).kernel:
        fits = all(
            node.attr[one.name].type in one.allowed_values.list.type for one in kernel.constraint
        )
        if fits and kernel.device_type in ("GPU", "DEFAULT"):
            found = kernel if found is None or kernel.device_type == "GPU" else found
    return found


def types_of(node, argument):
    if argument.type_list_attr:
        return list(node.attr[argument.type_list_attr].list.type)
    number = node.attr[argument.number_attr].i if argument.number_attr else 1
    return [argument.type or node.attr[argument.type_attr].type] * number


def places(node, arguments):
    """For each tensor that a node takes, or makes: whether it lies in the memory of the host."""
    kernel, found = kernel_of(node), []
    for argument in arguments:
        for kind in types_of(node, argument):
            if node.op in ("Placeholder", "Const"):
                on_host = kind in ON_HOST
            else:
                on_host = kernel is None or argument.name in kernel.host_memory_arg
            found.append(None if kind == HANDLE else on_host)
    return found


def copies(graph):
    """Tensors that cross from one memory to the other: (to the host, to the device)."""
    definitions = {node.op: op_def_registry.get(node.op) for node in graph.node}
    made = {node.name: places(node, definitions[node.op].output_arg) for node in graph.node}
    crossing = set()
    for node in graph.node:
        taken = places(node, definitions[node.op].input_arg)
        inputs = [name for name in node.input if not name.startswith("^")]
        for name, wanted in zip(inputs, taken, strict=True):
            source, _, number = name.partition(":")
            there = made[source][int(number or 0)]
            if None not in (there, wanted) and there != wanted:
                crossing.add((wanted, name))
    return tuple(sum(to_host is wanted for to_host, _ in crossing) for wanted in (True, False))


def passes_over_logits(graph, left):
    """Operations that read or write a number for each token and each of its classes."""

    def is_wide(tensor):
        if not tensor.shape.rank or tensor.shape[0] is not None:
            return False
        return np.prod([size for size in tensor.shape if size is not None]) == VOCABULARY

    operations = {op.name: op for op in graph.get_operations()}
    found = [operations[node.name] for node in left.node if node.name in operations]
    return collections.Counter(
        op.type
        for op in found
        if op.type not in NO_PASS and any(map(is_wide, [*op.inputs, *op.outputs]))
    )


@pytest.fixture
def gpu(monkeypatch):
    known = kernels.get_registered_kernels_for_op("MatMul").kernel
    if not any(kernel.device_type == "GPU" for kernel in known):
        pytest.skip("this TensorFlow has no kernels for a GPU")
    device = Device("gpu", "test", capability=(9, 0))
    monkeypatch.setattr(preparation, "current_device", lambda: device)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "precision"), [(transformer, "float32"), (gpt2, "bfloat16"), (bert, "float32")]
)
def test_a_step_asks_for_no_more_than_it_needs(gpu, make, precision):
    graph, left, model = traced(make, precision)
    count = collections.Counter(node.op for node in left.node)
    dropouts = count["StatelessRandomUniformIntV2"]
    assert dropouts > 1
    # The best class is found by maxima, and no row is sorted for it.
    assert count["TopKV2"] == 0
    # In half precision a GPU would sum gradients of biases by atomics, and lose terms; in float32
    # that is the faster way.
    biases = 0 if precision == "bfloat16" else count["BiasAdd"]
    assert count["BiasAddGrad"] == biases
    # A softmax, which serves loss, accuracy and gradient; the maxima; the gradient's scale, its
    # smoothing, and one number a row for the label.
    expected = {"Softmax": 1, "Max": 1, "Mul": 1, "Sub": 1, "TensorScatterAdd": 1, "MatMul": 1}
    if precision == "bfloat16":  # to float32 and back
        expected["Cast"] = 2
    if make is bert:  # each token has a bias
        expected |= {"BiasAdd": 1, "BiasAddGrad": 1}
    assert passes_over_logits(graph, left) == expected
    # Each weight is read once, and each seed twice; the rest is the optimizer's: its rate and the
    # number of the update are read once, not for each weight.
    assert count["ReadVariableOp"] <= len(model.trainable_variables) + 2 * dropouts + 6
    # For each dropout Keras's seed goes to the host, and key and counter come back. The other
    # copies are of ids, of places in rows, of masks and of whether attention comes in blocks, a few
    # numbers a token at most: TensorFlow computes with int32 on the host. Nothing crosses for a
    # weight, a layer or a head.
    to_host, to_device = copies(left)
    assert to_host <= dropouts + 10
    assert to_device <= 2 * dropouts + 29
