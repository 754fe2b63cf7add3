"""Floor 7: what people do with a model."""

from tftransformer.tasks.scores import translation_scores
from tftransformer.tasks.translator import Alignment, Translation, Translator

__all__ = ["Alignment", "Translation", "Translator", "translation_scores"]
