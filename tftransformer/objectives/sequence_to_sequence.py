"""The objective of translation, and of every other task from text to text."""

from tftransformer.core import Ragged
from tftransformer.objectives.examples import Examples


def sequence_to_sequence(source: Ragged, target: Ragged, *, start_id: int, end_id: int) -> Examples:
    """Teacher forcing: each target token is predicted from the source and those before it.

    For a source `a b` and a target `x y z`:

    | | | | | |
    |---|---|---|---|---|
    | `source_ids` | a | b | end | |
    | `target_ids` | start | x | y | z |
    | labels | x | y | z | end |

    Args:
        source, target: plain token ids, row `i` of one belongs to row `i` of the other.
        start_id: what the decoder reads first.
        end_id: ends the source, and is the last label of each row.

    Returns:
        `Examples` with the inputs `source_ids` and `target_ids`.

    Example:

    >>> examples = sequence_to_sequence(
    ...     Ragged.from_rows([[7, 8]]), Ragged.from_rows([[9]]), start_id=2, end_id=3
    ... )
    >>> inputs, labels, weights = examples.batch(np.array([0]), (1, 4, 3), pad_id=0)
    >>> inputs["source_ids"], inputs["target_ids"], labels, weights
    ([[7, 8, 3, 0]], [[2, 9, 0]], [[9, 3, 0]], [[1., 1., 0.]])
    """
    if len(source) != len(target):
        raise ValueError(
            f"source has {len(source)} rows and target has {len(target)}: "
            "row i of one must belong to row i of the other."
        )
    inputs = {"source_ids": source.with_end(end_id), "target_ids": target.with_start(start_id)}
    return Examples(inputs, target.with_end(end_id))
