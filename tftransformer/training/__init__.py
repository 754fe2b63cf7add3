"""Schedules, losses, metrics and the training loop."""

from tftransformer.core.lazy import lazy_names
from tftransformer.training.losses import LabelSmoothedCrossEntropy, label_smoothed_cross_entropy
from tftransformer.training.macro_f1 import MacroF1
from tftransformer.training.metrics import Perplexity, TokenAccuracy
from tftransformer.training.schedules import (
    CosineSchedule,
    CustomSchedule,
    InverseSquareRootSchedule,
    LinearSchedule,
    OneCycleSchedule,
    SlantedTriangularSchedule,
)

# These need TensorFlow; the rest runs on every backend of Keras.
_LATER = {
    "tftransformer.training.blocks": ["BlockedCrossEntropy"],
    "tftransformer.training.hooks": ["Carry", "CarriedMemory", "GradientRule", "Run", "TrainStep"],
    "tftransformer.training.checkpoints": ["Checkpointing", "load_checkpoint"],
    "tftransformer.training.run_directory": ["repair_run"],
    "tftransformer.training.trainer": ["Trainer"],
}
__getattr__, __dir__ = lazy_names(globals(), _LATER)

__all__ = [
    "BlockedCrossEntropy",
    "CarriedMemory",
    "Carry",
    "Checkpointing",
    "CosineSchedule",
    "CustomSchedule",
    "GradientRule",
    "InverseSquareRootSchedule",
    "LabelSmoothedCrossEntropy",
    "LinearSchedule",
    "MacroF1",
    "OneCycleSchedule",
    "Perplexity",
    "Run",
    "SlantedTriangularSchedule",
    "TokenAccuracy",
    "TrainStep",
    "Trainer",
    "label_smoothed_cross_entropy",
    "load_checkpoint",
    "repair_run",
]
