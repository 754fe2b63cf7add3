"""Tasks: text in, answers out."""

from tftransformer.tasks.alignment import Alignment
from tftransformer.tasks.extractive_summarizer import ExtractiveSummarizer
from tftransformer.tasks.fill_mask import FillMask
from tftransformer.tasks.multiple_choice import MultipleChoice
from tftransformer.tasks.parser import Parser
from tftransformer.tasks.pipeline import load, pipeline
from tftransformer.tasks.question_answerer import QuestionAnswerer
from tftransformer.tasks.questions import squad_table
from tftransformer.tasks.row_graph import RowGraph
from tftransformer.tasks.row_task import RowTask
from tftransformer.tasks.sequence_parser import SequenceParser
from tftransformer.tasks.summarizer import Summarizer
from tftransformer.tasks.task import Task
from tftransformer.tasks.text_classifier import TextClassifier
from tftransformer.tasks.text_embedder import TextEmbedder
from tftransformer.tasks.text_generator import TextGenerator
from tftransformer.tasks.token_classifier import TokenClassifier
from tftransformer.tasks.translator import Translator
from tftransformer.tasks.writing import Written

__all__ = [
    "Alignment",
    "ExtractiveSummarizer",
    "FillMask",
    "MultipleChoice",
    "Parser",
    "QuestionAnswerer",
    "RowGraph",
    "RowTask",
    "SequenceParser",
    "Summarizer",
    "Task",
    "TextClassifier",
    "TextEmbedder",
    "TextGenerator",
    "TokenClassifier",
    "Translator",
    "Written",
    "load",
    "pipeline",
    "squad_table",
]
