"""Data: from files and DataFrames to padded batches in an exact order."""

from tftransformer.data.batches import Batches
from tftransformer.data.process import DataProcess
from tftransformer.data.report import Report
from tftransformer.data.table import read_table

__all__ = ["Batches", "DataProcess", "Report", "read_table"]
