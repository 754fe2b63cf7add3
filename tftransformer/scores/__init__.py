"""How good answers are: figures from what is true and what was predicted."""

from tftransformer.scores.translation import sentence_bleu, translation_scores

__all__ = ["sentence_bleu", "translation_scores"]
