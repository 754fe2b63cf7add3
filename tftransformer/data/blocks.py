"""Documents in blocks, as language models learn from them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.data import vocabularies
from tftransformer.data.report import Report
from tftransformer.objectives import Examples


def blocked_examples(
    process: Any, columns: Sequence[Sequence[str]], report: Report, training: bool
) -> tuple[Examples, Report]:
    """Examples of the blocks that an objective cuts documents into.

    Args:
        process: the `DataProcess`, whose objective is `in_blocks`.
        columns: the one of the documents.
        report: what became of the rows until now.
        training: whether they are to be trained on.
    """
    (tokenizer,), (texts,), objective = process.tokenizers, columns, process.objective
    ids = vocabularies.encode(tokenizer, texts)
    empty = int(np.count_nonzero(ids.lengths == 0))
    blocks = objective.blocks(ids, tokenizer, process.max_length)
    examples = objective.examples(blocks, [tokenizer], training=training)
    return examples, dataclasses.replace(report, empty=report.empty + empty)
