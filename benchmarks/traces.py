"""What TensorFlow's profiler saw: operations on the processor, kernels on the card."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2


class Event(NamedTuple):
    """Something that a device did: its name, and the seconds from when to when."""

    name: str
    begin: float
    end: float


def traced(task: Callable[[], object]) -> xplane_pb2.XSpace:
    """Runs a task under the profiler."""
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        task()
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        return xplane_pb2.XSpace.FromString(file.read_bytes())


def operations(trace: xplane_pb2.XSpace) -> Iterator[Event]:
    """The executions of operations on the processor, by the kind of operation."""
    for _, event in _events(trace, "CPU"):
        node, separator, kind = event.name.rpartition(":")
        if separator and kind.isidentifier() and not node.endswith(":"):
            yield event._replace(name=kind)


def kernels(trace: xplane_pb2.XSpace) -> Iterator[Event]:
    """What the first card computed; copies between it and the host are left out."""
    for line, event in _events(trace, "/device:GPU:0"):
        if line.startswith("Stream") and not event.name.startswith(("Memcpy", "Memset")):
            yield event


def _events(trace: xplane_pb2.XSpace, device: str) -> Iterator[tuple[str, Event]]:
    """All events of a device, each with the name of its line."""
    for plane in (plane for plane in trace.planes if device in plane.name):
        for line in plane.lines:
            for event in line.events:
                begin = line.timestamp_ns / 1e9 + event.offset_ps / 1e12
                name = plane.event_metadata[event.metadata_id].name
                yield line.name, Event(name, begin, begin + event.duration_ps / 1e12)
