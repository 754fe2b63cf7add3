"""Floor 7: models that are served without this package."""

from tftransformer.export.compiled import CompiledTranslationModule
from tftransformer.export.ctranslate2 import write_ctranslate2
from tftransformer.export.int8_products import Int8TranslationModule
from tftransformer.export.precision import in_precision
from tftransformer.export.quantized import QuantizedTranslationModule
from tftransformer.export.saved_model import write_saved_model
from tftransformer.export.translation_module import TranslationModule, start_of

__all__ = [
    "CompiledTranslationModule",
    "Int8TranslationModule",
    "QuantizedTranslationModule",
    "TranslationModule",
    "in_precision",
    "start_of",
    "write_ctranslate2",
    "write_saved_model",
]
