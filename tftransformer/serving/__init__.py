"""Models that are served without this package: strings in, answers out."""

from tftransformer.serving.compiled import CompiledTranslationModule
from tftransformer.serving.ctranslate2 import write_ctranslate2
from tftransformer.serving.int8_products import Int8TranslationModule
from tftransformer.serving.precision import in_precision
from tftransformer.serving.quantized import QuantizedTranslationModule
from tftransformer.serving.saved_model import write_saved_model
from tftransformer.serving.translation_module import TranslationModule, start_of

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
