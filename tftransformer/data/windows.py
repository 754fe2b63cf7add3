"""Long texts in windows, as pieces that know their places."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tftransformer.core import Ragged
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
    asked = {"in_sentences": objective.in_sentences, "spelling": objective.spelling}
    pieces = in_windows(texts, tokenizers[0], room, objective.stride, **asked)
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
    in_sentences: bool = False,
    spelling: int = 0,
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
    from tftransformer.text import (
        GivenWords,
        deciding_pieces,
        lay_windows,
        sentence_numbers,
        sentence_places,
        spelling_ids,
        word_pieces,
        words_between_blanks,
    )

    parts: list[list[Any]] = [[], [], [], [], []]
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE]
        encoding = tokenizer.encode(some)
        ids, words = encoding.ids, encoding.words
        given = [isinstance(text, GivenWords) for text in some]
        if any(given):
            at, old = (
                tf.RaggedTensor.from_row_splits(x, ids.row_splits) for x in (encoding.starts, words)
            )
            between = words_between_blanks(tf.constant(list(map(str, some))), at, old)
            words = np.where(np.repeat(given, ids.lengths), between.flat_values, words)
        if in_sentences:
            begins, _ = sentence_places(tf.constant(list(map(str, some)), tf.string))
            at = tf.RaggedTensor.from_row_splits(encoding.ends, ids.row_splits)
            words = sentence_numbers(begins, at).flat_values.numpy()
        spelled = np.zeros((len(words), 0), np.int32)  # nobody asked
        if spelling:
            start, end, word = (
                tf.RaggedTensor.from_row_splits(x, ids.row_splits)
                for x in (encoding.starts, encoding.ends, words)
            )
            strings = tf.constant(list(map(str, some)), tf.string)
            spelled = spelling_ids(strings, start, end, word, spelling).flat_values.numpy()
        found = (ids, encoding.starts, encoding.ends, words, spelled)
        for part, value in zip(parts, found, strict=True):
            part.append(value)
    ids = Ragged.concatenate(parts[0])
    starts, ends, words, spelled = map(np.concatenate, parts[1:])
    ragged = tf.RaggedTensor.from_row_splits(words, ids.row_splits)
    rows, numbers, begins, lengths, _ = (
        x.numpy() for x in lay_windows(ragged.row_lengths(), room, stride)
    )
    splits = np.concatenate([[0], np.cumsum(lengths)])
    places = np.repeat(ids.row_splits[rows] + begins - splits[:-1], lengths)
    places += np.arange(splits[-1])
    if np.ndim(room):  # nobody asks which window decides
        decides = np.ones(len(places), bool)
    else:
        decided = deciding_pieces(ragged, word_pieces(ragged), room, stride).numpy()
        decides = decided[places] == np.repeat(numbers, lengths)
    return Pieces(ids, starts, ends, words, rows, Ragged(places, splits), decides, spelled)
