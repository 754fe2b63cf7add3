"""Long texts in windows, as pieces that know their places."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tftransformer.core import Ragged, splits_of
from tftransformer.data import vocabularies
from tftransformer.data.report import Report
from tftransformer.objectives import Examples, Pieces

AT_ONCE = 20_000  # texts that are cut at a time: what is known of each character takes room


def windowed_examples(
    process: Any, columns: Sequence[Any], report: Report, training: bool
) -> tuple[Examples, Report]:
    """Examples of windows over the last text of each row, any other text being whole in each.

    Args:
        process: the `DataProcess`, whose objective has a `stride`.
        columns: one or two of texts, then one of labels, or none.
        report: what became of the rows until now.
        training: whether they are to be trained on.
    """
    from tftransformer.text import check_stride

    objective, tokenizers, template = process.objective, process.tokenizers, process.row_template
    count = len(tokenizers)  # of texts
    *firsts, texts = columns[:count]
    labels = columns[count:]
    room: Any = process.max_length - objective.num_special(template, count)
    check_stride(room, objective.stride)
    others = [vocabularies.encode(tokenizers[0], text) for text in firsts]
    if others:
        room = room - others[0].lengths
        kept = np.flatnonzero(room > objective.stride)
        report = dataclasses.replace(report, too_long=len(texts) - len(kept))
        if not len(kept):
            raise ValueError(f"no row has a text beside which another finds room: {report}.")
        others, room = [others[0].take(kept)], room[kept]
        texts, *labels = ([column[i] for i in kept] for column in (texts, *labels))
    pieces = in_windows(
        texts,
        tokenizers[0],
        room,
        objective.stride,
        in_sentences=objective.in_sentences,
        spelling=objective.spelling,
    )
    columns = [*others, pieces, *labels]
    examples = objective.examples(columns, tokenizers, template, training=training)
    filled = pieces.places.lengths > 0
    several = int(np.count_nonzero(np.bincount(pieces.rows) > 1))
    report = dataclasses.replace(
        report,
        empty=report.empty + int(np.count_nonzero(~filled)),
        windowed=several,
        notes=examples.notes,
    )
    return examples if filled.all() else examples.take(np.flatnonzero(filled)), report


def in_windows(
    texts: Sequence[str],
    tokenizer: Any,
    room: int | np.ndarray,
    stride: int,
    *,
    in_sentences: bool,
    spelling: int,
) -> Pieces:
    """Cuts texts into pieces and lays windows over them.

    Args:
        texts: strings; of `GivenWords` their words count, else those of the tokenizer.
        tokenizer: says where its pieces stand.
        room: most pieces of a window, for all texts or for each: int64 (texts,).
        stride: pieces that neighbours share.
        in_sentences: whether sentences are what is decided of, in the stead of words.
        spelling: how many numbers for spellings of words there are; 0: they are not asked for.
    """
    from tftransformer.text import deciding_pieces, lay_windows, word_pieces

    parts = [
        _cut(texts[i : i + AT_ONCE], tokenizer, in_sentences, spelling)
        for i in range(0, len(texts), AT_ONCE)
    ]
    rows_of_ids, *of_pieces = zip(*parts, strict=True)
    ids = Ragged.concatenate(rows_of_ids)
    starts, ends, words, spelled = map(np.concatenate, of_pieces)
    ragged = tf.RaggedTensor.from_row_splits(words, ids.row_splits)
    rows, numbers, begins, lengths, _ = (
        x.numpy() for x in lay_windows(ragged.row_lengths(), room, stride)
    )
    splits = splits_of(lengths)
    held = np.repeat(ids.row_splits[rows] + begins - splits[:-1], lengths) + np.arange(splits[-1])
    if np.ndim(room):  # nobody asks which window decides
        decides = np.ones(len(held), bool)
    else:
        decided = deciding_pieces(ragged, word_pieces(ragged), room, stride).numpy()
        decides = decided[held] == np.repeat(numbers, lengths)
    return Pieces(ids, starts, ends, words, rows, Ragged(held, splits), decides, spelled)


def _cut(
    texts: Sequence[str], tokenizer: Any, in_sentences: bool, spelling: int
) -> tuple[Ragged, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The ids of texts, and of all their pieces `starts`, `ends`, `words` and `spelling`."""
    from tftransformer.text import (
        GivenWords,
        sentence_numbers,
        sentence_places,
        spelling_ids,
        words_between_blanks,
    )

    encoding = tokenizer.encode(texts)
    ids, words = encoding.ids, encoding.words
    strings = tf.constant(list(map(str, texts)), tf.string)

    def by_text(values: np.ndarray) -> tf.RaggedTensor:
        return tf.RaggedTensor.from_row_splits(values, ids.row_splits)

    given = [isinstance(text, GivenWords) for text in texts]
    if any(given):
        between = words_between_blanks(strings, by_text(encoding.starts), by_text(words))
        words = np.where(np.repeat(given, ids.lengths), between.flat_values, words)
    if in_sentences:
        begins, _ = sentence_places(strings)
        words = sentence_numbers(begins, by_text(encoding.ends)).flat_values.numpy()
    spelled = np.zeros((len(words), 0), np.int32)  # nobody asked
    if spelling:
        starts, ends, numbers = map(by_text, (encoding.starts, encoding.ends, words))
        spelled = spelling_ids(strings, starts, ends, numbers, spelling).flat_values.numpy()
    return ids, encoding.starts, encoding.ends, words, spelled
