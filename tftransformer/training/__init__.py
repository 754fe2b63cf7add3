"""Floor 6: schedules, losses, metrics and the training loop."""

from tftransformer.training.losses import LabelSmoothedCrossEntropy, label_smoothed_cross_entropy
from tftransformer.training.metrics import Perplexity, TokenAccuracy
from tftransformer.training.schedules import (
    CosineSchedule,
    CustomSchedule,
    InverseSquareRootSchedule,
    LinearSchedule,
)

__all__ = [
    "CosineSchedule",
    "CustomSchedule",
    "InverseSquareRootSchedule",
    "LabelSmoothedCrossEntropy",
    "LinearSchedule",
    "Perplexity",
    "TokenAccuracy",
    "label_smoothed_cross_entropy",
]
