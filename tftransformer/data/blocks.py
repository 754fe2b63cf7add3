"""Documents in blocks, as language models learn from them."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.core import Ragged, check_ints
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
    (tokenizer,), (texts,) = process.tokenizers, columns
    ids = vocabularies.encode(tokenizer, texts)
    empty = int(np.count_nonzero(ids.lengths == 0))
    blocks = in_blocks(process, ids)
    examples = process.objective.examples(blocks, [tokenizer], training=training)
    return examples, dataclasses.replace(report, empty=report.empty + empty)


def in_blocks(process: Any, documents: Ragged) -> list[Ragged]:
    """The columns of the rows that an objective makes of documents of any length.

    Args:
        process: the `DataProcess`.
        documents: ids of each.
    """
    room = process.max_length - process.objective.num_special(process.row_template, 1)
    check_ints(1, **{"max_length less special tokens": room})
    return process.objective.blocks(documents, process.tokenizers[0], room)
