"""The next token, the objective of language models."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from tftransformer.core import Ragged, check_choice, register, splits_of
from tftransformer.objectives.columns import Column, IsReal, Tokens
from tftransformer.objectives.examples import ColumnExamples, Examples
from tftransformer.objectives.objective import TEXT, Columns, Objective
from tftransformer.objectives.packing import PackedExamples, pack

ROUNDING = 1e-4  # part of the largest logit that two equal sums may part by
DOCUMENTS = ("apart", "packed", "joined", "streams")


@register
class NextToken(Objective):
    """Each token of a document is predicted from those before it (Radford et al. 2018, eq. 1).

    A document `a b c d e` is split into blocks of at most `max_length` tokens, each beginning with
    the last token of the previous one, so that every token is predicted once. With a `max_length`
    of 3:

    | | | | |
    |---|---|---|---|
    | `token_ids` | start | a | b |
    | labels | a | b | c |
    | `token_ids` | c | d | e |
    | labels | d | e | end |

    If the tokenizer has no start token, the first token is not predicted; if it has no end token,
    no end is learnt. There is one column, the text, and one axis, "tokens". A `Trainer` refuses a
    model that sees the tokens it has to predict.

    Args:
        smoothing: float in [0, 1), probability mass that the loss spreads over the vocabulary.
        output: name of the model output that holds the logits. None: the model has one output.
        documents: how documents are put into rows. `"apart"`: each row is a block of one document.
            `"packed"`: each row holds as many blocks as fit, independent of each other:
            `position_ids` restart in each, and the mask of the model must include `DocumentMask()`.
            `"joined"`: all documents are joined to one text, which is cut into blocks (Radford et
            al. 2019). `"streams"`: the same, with the blocks read in order, for models with a
            memory: see `data.Streams`.

    Example:

    >>> from tftransformer.core import Ragged
    >>> from types import SimpleNamespace
    >>> tokenizer = SimpleNamespace(special_ids={"pad": 0, "start": 2, "end": 3})
    >>> documents = Ragged.from_rows([[7, 8, 9], [6]])
    >>> columns = NextToken().blocks(documents, tokenizer, 3)
    >>> columns[0].tolist()
    [[2, 7, 8, 9], [9, 3], [2, 6, 3]]
    >>> examples = NextToken().examples(columns, [tokenizer])
    >>> inputs, labels, weights = examples.batch(np.array([0, 1]), widths=(3,))
    >>> inputs["token_ids"].tolist(), labels["lm"].tolist()
    ([[2, 7, 8], [9, 0, 0]], [[7, 8, 9], [3, 0, 0]])

    The same packed, and joined:

    >>> packed = NextToken(documents="packed")
    >>> examples = packed.examples(packed.blocks(documents, tokenizer, 3), [tokenizer])
    >>> inputs, labels, weights = examples.batch(np.array([1]), widths=(3,))
    >>> inputs["token_ids"].tolist(), inputs["query_documents"].tolist(), labels["lm"].tolist()
    ([[9, 2, 6]], [[1, 2, 2]], [[3, 6, 3]])
    >>> NextToken(documents="joined").blocks(documents, tokenizer, 3)[0].tolist()
    [[2, 7, 8, 9], [9, 3, 2, 6], [6, 3]]
    """

    forms = ((TEXT,),)
    takes = "one column, of texts"
    joins_texts = True
    too_long = "blocks"
    in_blocks = True
    overlap = 1  # ids that blocks share: the last label of one is what the next begins with

    def __init__(
        self, smoothing: float = 0.0, output: str | None = "lm", *, documents: str = "apart"
    ):
        check_choice(DOCUMENTS, documents=documents)
        self.smoothing, self.output, self.documents = smoothing, output, documents

    @property
    def in_order(self) -> bool:  # type: ignore[override] # follows `documents`
        """Whether blocks are to be read in order."""
        return self.documents == "streams"

    def num_special(self, template: Any, texts: int) -> int:
        """None: start and end are tokens of the text, which is cut with them."""
        return 0

    def blocks(self, documents: Ragged, tokenizer: Any, room: int) -> list[Ragged]:
        """Cuts documents into blocks of at most `room` ids, and that of the last label.

        Returns:
            the columns that `examples` takes: the blocks; and, where they are packed, which of
            them stand in each row.
        """
        texts = whole(documents, tokenizer)
        if self.documents in ("joined", "streams"):
            texts = Ragged(texts.values, np.array([0, len(texts.values)]))
        blocks = cut(texts, room, self.overlap)
        if self.documents == "packed":
            return [blocks, pack(blocks.lengths - 1, room)]
        return [blocks]

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> Examples:
        pad = tokenizers[0].special_ids.get("pad", 0)  # the mask says what it is
        if self.documents == "packed":
            blocks, packed = columns
            return PackedExamples(blocks, packed, pad, self.by_output)
        (rows,) = columns
        ids, labels = _Shifted(rows, 0, pad), _Shifted(rows, 1, pad)
        inputs: dict[str, Column] = {"token_ids": ids, "padding_mask": IsReal(ids, "bool")}
        return ColumnExamples(inputs, self.by_output(labels), self.by_output(IsReal(labels)))

    def check_model(
        self,
        compute: Callable[[Mapping[str, Any]], Mapping[str, Any]],
        inputs: Mapping[str, Any],
        weights: Mapping[str, Any],
    ) -> None:
        """Changes the second half of a row: what is foreseen in the first must not change."""
        ((output, counts),) = weights.items()
        counts = np.asarray(counts) > 0
        row = int(counts.sum(axis=1).argmax())
        middle = (int(np.flatnonzero(counts[row]).max(initial=-1)) + 1) // 2
        foreseen = np.flatnonzero(counts[row, :middle])
        if not len(foreseen):
            return
        plain = {name: np.array(array)[row : row + 1] for name, array in inputs.items()}

        def logits_of(ids: np.ndarray) -> np.ndarray:
            logits = compute({**plain, "token_ids": ids})[output]
            return np.asarray(ops.cast(logits, "float32"))[0, foreseen]

        ids = plain["token_ids"]
        logits, others = logits_of(ids), ids.copy()
        others[:, middle:] = (others[:, middle:] + 1) % logits.shape[-1]
        if np.abs(logits_of(others) - logits).max() > ROUNDING * np.abs(logits).max():
            raise ValueError(
                f"{type(self).__name__} predicts each token from those before it, but this model "
                "also sees later ones: it would learn to copy them. Give it a mask with "
                "CausalMask(), or choose another objective, such as MaskedTokens()."
            )


class _Shifted(Tokens):
    """All ids of each row but one: the last (`shift` 0) or the first (1)."""

    def __init__(self, ids: Ragged, shift: int, fill: int):
        super().__init__(ids, "tokens", fill)
        self.shift = shift

    def lengths(self, axis: str) -> np.ndarray:
        return self.ids.lengths - 1

    def lengths_of(self, rows: np.ndarray) -> np.ndarray:
        return np.maximum(super().lengths_of(rows) - 1, 0)

    def batch(self, rows: np.ndarray, widths: Mapping[str, int]) -> np.ndarray:
        width = widths["tokens"]
        whole = self.ids.dense(rows, width + 1, self.fill)
        shifted = whole[:, self.shift : width + self.shift]
        if self.shift:
            return shifted
        real = np.arange(width) < self.lengths_of(rows)[:, None]
        return np.where(real, shifted, np.int32(self.fill))


def whole(documents: Ragged, tokenizer: Any) -> Ragged:
    """Documents with the start and the end that the tokenizer has; empty ones stay empty."""
    before = [tokenizer.special_ids[n] for n in ("start",) if n in tokenizer.special_ids]
    after = [tokenizer.special_ids[n] for n in ("end",) if n in tokenizer.special_ids]
    filled = documents.lengths > 0
    splits = splits_of(np.where(filled, documents.lengths + len(before + after), 0))
    values = np.zeros(splits[-1], np.int32)
    shift = np.repeat(splits[:-1] + len(before) - documents.row_splits[:-1], documents.lengths)
    values[shift + np.arange(len(shift))] = documents.values
    for place, i in enumerate(before):
        values[splits[:-1][filled] + place] = i
    for place, i in enumerate(reversed(after)):
        values[splits[1:][filled] - 1 - place] = i
    return Ragged(values, splits)


def cut(texts: Ragged, size: int | np.ndarray, overlap: int = 0) -> Ragged:
    """Blocks of at most `size + overlap` ids, each beginning with the last ones of another.

    Args:
        texts: the texts; no block has ids of two, and empty ones make none.
        size: ids from where one block begins to where the next does, of all texts or of each.
        overlap: ids that neighbours share.
    """
    size = np.broadcast_to(size, len(texts))
    counts = -(-np.maximum(texts.lengths - overlap, 0) // size)  # of blocks
    text = np.repeat(np.arange(len(texts)), counts)
    begins = (np.arange(len(text)) - np.repeat(splits_of(counts)[:-1], counts)) * size[text]
    sizes = np.minimum(texts.lengths[text] - begins, size[text] + overlap)
    return texts.stretches(text, begins, sizes)
