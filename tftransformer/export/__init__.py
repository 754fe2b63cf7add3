"""Floor 7: models that are served without this package."""

from tftransformer.export.saved_model import write_saved_model
from tftransformer.export.translation_module import TranslationModule

__all__ = ["TranslationModule", "write_saved_model"]
