"""Ways to train: objects to hand to a `Trainer`, and what is done to a model before it trains."""

from tftransformer.training.recipes.averaged_adamw import averaged_adamw
from tftransformer.training.recipes.freezing import GradualUnfreezing, freeze
from tftransformer.training.recipes.growing import Grown, grow
from tftransformer.training.recipes.layerwise_rates import LayerwiseRates
from tftransformer.training.recipes.learning_rate_finder import LearningRates, find_learning_rate
from tftransformer.training.recipes.low_rank import add_lora, merge_lora
from tftransformer.training.recipes.r_drop import RDrop
from tftransformer.training.recipes.ulmfit import ulmfit, ulmfit_finetuning

__all__ = [
    "GradualUnfreezing",
    "Grown",
    "LayerwiseRates",
    "LearningRates",
    "RDrop",
    "add_lora",
    "averaged_adamw",
    "find_learning_rate",
    "freeze",
    "grow",
    "merge_lora",
    "ulmfit",
    "ulmfit_finetuning",
]
