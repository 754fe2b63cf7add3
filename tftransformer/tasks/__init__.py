"""What people do with a model: text in, answers out."""

from tftransformer.tasks.alignment import Alignment
from tftransformer.tasks.fill_mask import FillMask
from tftransformer.tasks.multiple_choice import MultipleChoice
from tftransformer.tasks.pipeline import load, pipeline
from tftransformer.tasks.question_answerer import QuestionAnswerer
from tftransformer.tasks.questions import squad_table
from tftransformer.tasks.task import Task
from tftransformer.tasks.text_classifier import TextClassifier
from tftransformer.tasks.text_embedder import TextEmbedder
from tftransformer.tasks.text_generator import TextGenerator
from tftransformer.tasks.token_classifier import TokenClassifier
from tftransformer.tasks.translator import Translation, Translator

__all__ = [
    "Alignment",
    "FillMask",
    "MultipleChoice",
    "QuestionAnswerer",
    "Task",
    "TextClassifier",
    "TextEmbedder",
    "TextGenerator",
    "TokenClassifier",
    "Translation",
    "Translator",
    "load",
    "pipeline",
    "squad_table",
]
