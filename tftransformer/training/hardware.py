"""What this machine computes with."""

import functools
import pathlib

import tensorflow as tf

from tftransformer.core.device import Device


@functools.cache
def current_device() -> Device:
    """Describes the GPUs of this machine, or its processor if it has none."""
    gpus = tf.config.list_logical_devices("GPU")
    if not gpus:
        return Device("cpu", *_processor())
    details = tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])
    return Device(
        "gpu",
        details.get("device_name", ""),
        count=len(gpus),
        capability=details.get("compute_capability"),
    )


def _processor() -> tuple[str, int, bool]:
    """Name, number, and whether there are instructions for products in bfloat16."""
    path = pathlib.Path("/proc/cpuinfo")  # Linux; elsewhere float32 is the safe choice
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    pairs = (line.partition(":") for line in lines)
    entries = {name.strip(): value.strip() for name, _, value in pairs}
    flags = entries.get("flags", "").split()
    return entries.get("model name", ""), 1, bool({"avx512_bf16", "amx_bf16"}.intersection(flags))
