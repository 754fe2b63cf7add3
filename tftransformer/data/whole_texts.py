"""Rows of whole texts, which are cut, left out or make several where they are too long."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from tftransformer.data import vocabularies
from tftransformer.data.blocks import in_blocks
from tftransformer.data.columns import cut_texts, rows_of
from tftransformer.data.report import Report
from tftransformer.data.sampling import Sampled
from tftransformer.objectives import Examples


def whole_examples(
    process: Any, columns: list[Any], report: Report, training: bool
) -> tuple[Examples, Report]:
    """Examples of rows, each of them all of its texts, or a block of the one that it has.

    Args:
        process: the `DataProcess`.
        columns: the columns of texts and of labels, in its order; the list is emptied.
        report: what became of the rows until now.
        training: whether they are to be trained on.
    """
    tokenizers, ids = iter(process.tokenizers), []
    for kind in process.kinds:  # texts are let go of one column after the other
        values = columns.pop(0)
        ids.append(vocabularies.encode(next(tokenizers), values) if kind == "text" else values)
    examples, ids, left_out, report = _fitting(process, ids, report, training)
    kept = np.flatnonzero(~left_out)
    if len(kept) < len(left_out):
        examples = examples.take(kept)
    if training and any(getattr(t, "sampling_alpha", 0) for t in process.tokenizers):
        examples = Sampled(examples, _sampler(process, [rows_of(c, kept) for c in ids]))
    return examples, report


def _examples(process: Any, columns: Any, training: bool) -> Examples:
    template = process.row_template if process.objective.joins_texts else None
    return process.objective.examples(columns, process.tokenizers, template, training=training)


def _fitting(process: Any, columns: Any, report: Any, training: bool) -> Any:
    """Examples of the columns, their texts cut if need be, and which rows not to use."""
    empty = _empty(process, columns)
    examples = _examples(process, columns, training)
    too_long = (examples.lengths > process.max_length).any(axis=1) & ~empty
    count = int(too_long.sum())
    if count and process.too_long == "refuse":
        raise ValueError(
            f"{count:,} rows have more than max_length={process.max_length} tokens, the longest "
            f"{examples.lengths[~empty].max():,}. Raise max_length, or choose too_long='cut' "
            "or 'drop'."
        )
    counted = {"cut": "cut", "blocks": "windowed"}.get(process.too_long, "too_long")
    counts = {"empty": report.empty + int(empty.sum()), counted: count}
    report = dataclasses.replace(report, **counts)
    if not count or counted == "too_long":
        return examples, columns, empty | too_long, report
    if process.too_long == "blocks":
        columns = in_blocks(process, *columns)
        return _examples(process, columns, training), columns, _empty(process, columns), report
    objective = process.objective
    if objective.joins_texts:
        template, alone = process.row_template, objective.rows_alone
        columns = cut_texts(columns, process.max_length, template, alone)
    else:
        columns = objective.cut_source(columns, process.max_length)
    examples, empty = _examples(process, columns, training), _empty(process, columns)
    # Nothing is cut of a text that is to be written.
    too_long = (examples.lengths > process.max_length).any(axis=1) & ~empty
    left_out = int(too_long.sum())
    report = dataclasses.replace(report, cut=count - left_out, too_long=left_out)
    return examples, columns, empty | too_long, report


def _empty(process: Any, columns: Any) -> np.ndarray:
    """Which rows have a text without a token: bool (rows,)."""
    texts = [c for c, kind in zip(columns, process.kinds, strict=True) if kind == "text"]
    return np.any([text.lengths == 0 for text in texts], axis=0)


def _sampler(process: Any, columns: Any) -> Callable[[int, int], Examples]:
    """A function that cuts the texts at random, a pure one of seed and epoch."""

    def sample(seed: int, epoch: int) -> Examples:
        tokenizers = iter(enumerate(process.tokenizers))
        drawn = []
        for column, kind in zip(columns, process.kinds, strict=True):
            if kind == "text":
                side, tokenizer = next(tokenizers)
                column = tokenizer.resample(column, (seed, epoch, side))
            drawn.append(column)
        return _examples(process, drawn, training=True)

    return sample
