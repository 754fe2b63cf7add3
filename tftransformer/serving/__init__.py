"""Models that are served without this package: strings in, answers out."""

from tftransformer.serving.ctranslate2 import write_ctranslate2
from tftransformer.serving.module import WEIGHTS, ServedModule, TaskGraph, weights_of
from tftransformer.serving.precision import in_precision

__all__ = [
    "WEIGHTS",
    "ServedModule",
    "TaskGraph",
    "in_precision",
    "weights_of",
    "write_ctranslate2",
]
