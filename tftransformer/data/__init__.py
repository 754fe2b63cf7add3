"""Data: from files and DataFrames to padded batches in a reproducible order."""

from tftransformer.data.batches import Batches
from tftransformer.data.columns import take_columns
from tftransformer.data.everyday import everyday_corpus
from tftransformer.data.nearest import nearest_neighbour
from tftransformer.data.process import DataProcess
from tftransformer.data.report import Report
from tftransformer.data.streams import Streams
from tftransformer.data.table import read_table

__all__ = [
    "Batches",
    "DataProcess",
    "Report",
    "Streams",
    "everyday_corpus",
    "nearest_neighbour",
    "read_table",
    "take_columns",
]
