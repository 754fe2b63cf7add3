"""Data: from files and DataFrames to padded batches in an exact order."""

from tftransformer.data.batches import Batches
from tftransformer.data.everyday import everyday_corpus
from tftransformer.data.process import DataProcess
from tftransformer.data.report import Report
from tftransformer.data.table import read_table
from tftransformer.data.texts import take_texts

__all__ = ["Batches", "DataProcess", "Report", "everyday_corpus", "read_table", "take_texts"]
