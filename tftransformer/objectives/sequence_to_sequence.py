"""Text to text: translation, and any other task that writes a text for a text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tftransformer.core import register
from tftransformer.objectives.columns import IsReal, Tokens
from tftransformer.objectives.examples import ColumnExamples
from tftransformer.objectives.objective import TEXT, Columns, Forms, Objective, special_id


@register
class SequenceToSequence(Objective):
    """Teacher forcing: each target token is predicted from the source and those before it.

    For a source `a b` and a target `x y z`:

    | | | | | |
    |---|---|---|---|---|
    | `source_ids` | a | b | end | |
    | `target_ids` | start | x | y | z |
    | labels | x | y | z | end |

    The columns are the source and the target, the axes `("source", "target")`.

    Args:
        smoothing: float in [0, 1), probability mass that the loss spreads over all pieces
            (Vaswani et al. 2017, §5.4).
        start_id: id of the token that targets begin with; default: the start token of the
            tokenizer.
        around: ids that begin and those that end each source, such as codes of its language;
            default: `before`, and the end token.
        before: ids that begin each text in the labels, such as a code of the target's language.
        output: name of the model output that holds the logits. None: the model has one output.
        cuts_source: whether sources that are too long lose their ends, as for summaries. Otherwise
            such rows are left out, as are rows with a target that is too long in any case.
        cut_side: "left": they lose their beginnings instead; see `Template`.

    Example:

    >>> from tftransformer.core import Ragged
    >>> from types import SimpleNamespace
    >>> tokenizer = SimpleNamespace(special_ids={"pad": 0, "start": 2, "end": 3})
    >>> columns = Ragged.from_rows([[7, 8]]), Ragged.from_rows([[9]])
    >>> examples = SequenceToSequence().examples(columns, [tokenizer, tokenizer])
    >>> inputs, labels, weights = examples.batch(np.array([0]), widths=(4, 3))
    >>> inputs["source_ids"].tolist(), inputs["target_ids"].tolist()
    ([[7, 8, 3, 0]], [[2, 9, 0]])
    >>> labels.tolist(), weights.tolist()
    ([[9, 3, 0]], [[1.0, 1.0, 0.0]])
    """

    forms: Forms = ((TEXT, TEXT),)
    takes = "two columns, source and target, such as DataProcess('en', 'de')"

    def __init__(
        self,
        smoothing: float = 0.1,
        *,
        start_id: int | None = None,
        around: Sequence[Sequence[int]] | None = None,
        before: Sequence[int] | None = None,
        output: str | None = None,
        cuts_source: bool = False,
        cut_side: str = "right",
    ):
        self.smoothing, self.start_id = smoothing, start_id
        self.around, self.before = around, before
        self.output, self.cuts_source, self.cut_side = output, cuts_source, cut_side
        self.too_long = "cut" if cuts_source else "drop"

    def examples(
        self,
        columns: Columns,
        tokenizers: Sequence[Any],
        template: Any = None,
        *,
        training: bool = True,
    ) -> ColumnExamples:
        (source, target), (reader, writer) = columns, tokenizers
        if len(source) != len(target):
            raise ValueError(
                f"source has {len(source)} rows and target has {len(target)}: "
                "row i of one must belong to row i of the other."
            )
        pads = [special_id(t, "pad", "padding") for t in (reader, writer)]
        end, start = special_id(writer, "end", "SequenceToSequence"), self.start_id
        if start is None:
            start = special_id(writer, "start", "SequenceToSequence")
        around, before = self.around, self.before or ()
        if around is None:
            around = before, [special_id(reader, "end", "SequenceToSequence")]
        labels = Tokens(target, "target", pads[1], before, after=(end,))
        inputs = {
            "source_ids": Tokens(source, "source", pads[0], *around),
            "target_ids": Tokens(target, "target", pads[1], before=(start, *before)),
        }
        weights = IsReal(labels)
        return ColumnExamples(inputs, self.by_output(labels), self.by_output(weights))

    def cut_source(self, columns: Columns, max_length: int) -> Columns:
        """The source, each row of it cut to so many tokens with those around it, and the target."""
        source, target = columns
        around = (self.before or (), ["end"]) if self.around is None else self.around
        taken = sum(map(len, around))
        room = max(0, max_length - taken)
        part = source.head if self.cut_side == "right" else source.tail
        return [part(np.minimum(source.lengths, room)), target]
