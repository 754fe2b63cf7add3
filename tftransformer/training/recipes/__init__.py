"""Ways to train: objects to hand to a `Trainer`."""

from tftransformer.training.recipes.averaged_adamw import averaged_adamw
from tftransformer.training.recipes.r_drop import RDrop

__all__ = ["RDrop", "averaged_adamw"]
