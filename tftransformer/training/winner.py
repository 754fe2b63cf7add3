"""Whether the average of a run is better than its best epoch."""

from collections.abc import Callable
from pathlib import Path

import keras

from tftransformer.training.checkpoints import Checkpointing, load_checkpoint


def load_winner(
    model: keras.Model,
    directory: str | Path,
    last: int | None,
    checkpointing: Checkpointing,
    evaluate: Callable[[], dict[str, float]],
) -> tuple[str, str]:
    """Sets the weights to the best epoch or to the average, whichever is better.

    An average of checkpoints that are far apart, as in a short run, is worse than each of them.

    Args:
        model: built model.
        directory: of the run.
        last: the highest number of states to average, or None.
        checkpointing: tells what is compared; where the evaluation has no such value, "loss".
        evaluate: returns the logs of the validation data under the weights of the model.

    Returns:
        "best" or "average", and a sentence that says so.

    Raises:
        ValueError: one of the two cannot be loaded; the weights are then as they were.
    """
    before = model.get_weights()
    logs = {}
    try:
        for which in ("best", "average"):
            load_checkpoint(model, directory, which, last if which == "average" else None)
            logs[which] = evaluate()
    except Exception:
        model.set_weights(before)
        raise
    key, is_better = (checkpointing.monitor or "").removeprefix("val_"), checkpointing.is_better
    if key not in logs["best"]:
        key, is_better = "loss", Checkpointing().is_better
    best, average = (logs[which][key] for which in ("best", "average"))
    winner = "average" if is_better(average, best) else "best"
    if winner == "best":
        load_checkpoint(model, directory, "best")
    name = {"best": "the best epoch", "average": "the average"}[winner]
    return winner, (
        f"Of validation {key} {best:.4f} (best epoch) and {average:.4f} (average of the last "
        f"checkpoints), {name} is taken."
    )
