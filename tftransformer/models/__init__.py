"""Floor 4: models, each a recipe over the same layers."""

from tftransformer.models.bert import Bert
from tftransformer.models.stack_model import OneHead, StackModel
from tftransformer.models.t5 import T5
from tftransformer.models.transformer import Transformer

__all__ = ["T5", "Bert", "OneHead", "StackModel", "Transformer"]
