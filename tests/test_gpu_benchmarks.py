"""What benchmarks/gpu/ computes without a card: calls of kernels as text, and traces."""

import importlib
import pathlib
import re
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

BENCHMARKS = pathlib.Path(__file__).parents[1] / "benchmarks"
CALLS = re.compile(r"custom_call @(\S+)\(([^)]*)\) \{(.*)\} : (\([^)]*\) -> \([^)]*\))")


@pytest.fixture
def benchmark(monkeypatch):
    """Returns a function from the name of a module of benchmarks/ to the module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    known = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - known:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def flash(benchmark):
    return benchmark("gpu.flash_attention")


@pytest.mark.parametrize("mask", ["CAUSAL", "PADDING"])
def test_calls_of_the_kernel_are_compiled_as_far_as_a_processor_goes(flash, mask):
    kernel = flash.Kernel(2, 16, 8, 4, 64, mask=mask, platform="CPU")
    query, key = tf.ones((2, 16, 4, 64), "bfloat16"), tf.ones((2, 8, 4, 64), "bfloat16")
    lengths = [tf.constant([16, 3]), tf.constant([8, 3])] if kernel.has_lengths else []
    given = query, key, key, tf.ones((2, 4, 16)), query, query, *lengths
    backward = tf.function(kernel.backward, jit_compile=True, autograph=False)
    with pytest.raises(tf.errors.NotFoundError, match="fmhaSoftmaxBackward for Host"):
        backward(*given)

    @tf.function(jit_compile=True, autograph=False)
    def forward_and_back(query, key):
        length = lengths[0] if lengths else None
        with tf.GradientTape() as tape:
            tape.watch(query)
            seen = flash.flash_attention(query, key, key, length, mask, platform="CPU")
        return tape.gradient(seen, query)

    with pytest.raises(tf.errors.NotFoundError, match="fmhaSoftmax for Host"):
        forward_and_back(query, key)


@pytest.mark.parametrize("mask", ["NO_MASK", "CAUSAL", "PADDING", "PADDING_CAUSAL"])
@pytest.mark.parametrize("window", [0, 5])
def test_calls_of_the_kernel_are_those_that_jax_writes(flash, monkeypatch, mask, window):
    """JAX lowers for a card where there is none, unless it asks which cuDNN there is."""
    jax = pytest.importorskip("jax")
    of_jax = importlib.import_module("jax._src.cudnn.fused_attention_stablehlo")
    monkeypatch.setattr(of_jax, "check_cudnn_version", lambda: 91200)
    shapes = [jax.ShapeDtypeStruct((2, n, 4, 64), "bfloat16") for n in (16, 8, 8, 16)]

    def forward_and_back(query, key, value, upstream):
        lengths = np.array([16, 3], "int32"), np.array([8, 3], "int32")
        given = {"q_seqlen": lengths[0], "kv_seqlen": lengths[1]} if "PADDING" in mask else {}
        given |= {"sliding_window_length": window} if window else {}

        def attend(*parts):
            return of_jax.dot_product_attention(
                *parts, scale=64**-0.5, mask_type=of_jax.MaskType[mask], **given
            )

        return jax.vjp(attend, query, key, value)[1](upstream)

    names = flash.FORWARD, flash.BACKWARD
    checks = [jax.export.DisabledSafetyCheck.custom_call(name) for name in names]
    lower = jax.export.export(jax.jit(forward_and_back), platforms=["cuda"], disabled_checks=checks)
    theirs = {call[0]: call for call in CALLS.findall(lower(*shapes).mlir_module())}
    kernel = flash.Kernel(2, 16, 8, 4, 64, mask=mask, window=window)
    for name in names:
        ((_, operands, *own),) = CALLS.findall(kernel.module(name))
        _, their_operands, *their = theirs[name]
        assert own == their
        assert operands.count(",") == their_operands.count(",")
    assert their_operands.split(", ")[4] == "%arg3"  # `_call` gives the upstream gradient there


def test_the_pauses_of_a_card_are_what_no_kernel_of_any_stream_covers(benchmark):
    traces, idle = benchmark("traces"), benchmark("gpu.idle")
    trace = xplane_pb2.XSpace()
    plane = trace.planes.add(name="/device:GPU:0")
    trace.planes.add(name="/host:CPU")
    for number, name in enumerate(("gemm", "fusion", "MemcpyH2D")):
        plane.event_metadata[number].name = name
    second = 10**12
    streams = [(0, 0, 2), (1, 1, 3), (0, 8, 1)], [(0, 1, 1), (2, 5, 2)]
    for n, events in enumerate(streams):
        line = plane.lines.add(name=f"Stream #{n}", timestamp_ns=10**9)
        for kind, begin, length in events:
            line.events.add(metadata_id=kind, offset_ps=begin * second, duration_ps=length * second)
    plane.lines.add(name="XLA Modules").events.add(duration_ps=20 * second)
    found = list(traces.kernels(trace))
    assert [event.name for event in found] == ["gemm", "fusion", "gemm", "gemm"]
    assert [(event.begin, event.end) for event in idle.merged(found)] == [(1, 5), (9, 10)]
    assert idle.pauses(found) == [4]


def test_a_trace_of_the_processor_tells_its_operations(benchmark):
    traces = benchmark("traces")
    x = tf.ones((300, 300))
    multiply = tf.function(lambda: tf.linalg.matmul(x, x), autograph=False)
    found = list(traces.operations(traces.traced(lambda: multiply().numpy())))
    assert any(event.name.endswith("MatMul") for event in found)
    assert all(event.begin <= event.end for event in found)
