"""Floor 4: models, each a recipe over the same layers."""

from tftransformer.models.transformer import Transformer

__all__ = ["Transformer"]
