"""Floor 4: from hidden states to answers."""

from tftransformer.heads.language_model_head import LanguageModelHead

__all__ = ["LanguageModelHead"]
