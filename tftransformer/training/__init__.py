"""Floor 6: schedules, losses, metrics and the training loop."""

from tftransformer.training.checkpoints import Checkpointing, load_checkpoint
from tftransformer.training.losses import LabelSmoothedCrossEntropy, label_smoothed_cross_entropy
from tftransformer.training.metrics import Perplexity, TokenAccuracy
from tftransformer.training.schedules import (
    CosineSchedule,
    CustomSchedule,
    InverseSquareRootSchedule,
    LinearSchedule,
)
from tftransformer.training.trainer import Trainer

__all__ = [
    "Checkpointing",
    "CosineSchedule",
    "CustomSchedule",
    "InverseSquareRootSchedule",
    "LabelSmoothedCrossEntropy",
    "LinearSchedule",
    "Perplexity",
    "TokenAccuracy",
    "Trainer",
    "label_smoothed_cross_entropy",
    "load_checkpoint",
]
