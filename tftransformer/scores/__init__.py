"""How good answers are: figures from what is true and what was predicted."""

from tftransformer.core.tags import spans_to_tags, tags_to_spans
from tftransformer.scores.brackets import bracket_scores
from tftransformer.scores.classification import classification_scores
from tftransformer.scores.entities import entity_scores, span_scores
from tftransformer.scores.perplexity import perplexity_scores
from tftransformer.scores.porter import stem
from tftransformer.scores.rouge import best_sentences, rouge_scores
from tftransformer.scores.squad import squad_scores
from tftransformer.scores.translation import sentence_bleu, translation_scores
from tftransformer.scores.trees import Tree, read_trees

__all__ = [
    "Tree",
    "best_sentences",
    "bracket_scores",
    "classification_scores",
    "entity_scores",
    "perplexity_scores",
    "read_trees",
    "rouge_scores",
    "sentence_bleu",
    "span_scores",
    "spans_to_tags",
    "squad_scores",
    "stem",
    "tags_to_spans",
    "translation_scores",
]
