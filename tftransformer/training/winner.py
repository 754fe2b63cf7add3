"""Whether the average of a run is better than its best epoch."""

from collections.abc import Callable
from typing import Any

import keras

from tftransformer.training.checkpoints import Checkpointing, load_checkpoint
from tftransformer.training.run_directory import RunDirectory


def load_weights(
    model: keras.Model,
    run: RunDirectory,
    which: str,
    last: int | None,
    validation: Any,
    evaluate: Callable[[Any], dict[str, float]],
) -> tuple[str, str]:
    """Sets the weights as `load_checkpoint` does, or to what wins of the best and the average.

    An average of checkpoints that are far apart, as in a short run, is worse than each of them.

    Args:
        model: built model.
        run: tells what is compared; where the evaluation has no such value, "loss".
        which: for `load_checkpoint`, or "winner".
        last: the highest number of states to average, or None.
        validation: batches that a winner is found by, or None.
        evaluate: returns the logs of batches under the weights of the model.

    Returns:
        what was loaded, such as "best", and of a winner a sentence that says so.

    Raises:
        ValueError: it cannot be loaded; the weights are then as they were.
    """
    if which != "winner":
        load_checkpoint(model, run.directory, which, last)
        return which, ""
    if validation is None:
        raise ValueError(
            "load('winner') compares on validation data: Trainer(model, train, validation)."
        )
    before = model.get_weights()
    logs = {}
    try:
        for one in ("best", "average"):
            load_checkpoint(model, run.directory, one, last if one == "average" else None)
            logs[one] = evaluate(validation)
    except Exception:
        model.set_weights(before)
        raise
    checkpointing = run.checkpointing
    key, is_better = (checkpointing.monitor or "").removeprefix("val_"), checkpointing.is_better
    if key not in logs["best"]:
        key, is_better = "loss", Checkpointing().is_better
    best, average = (logs[one][key] for one in ("best", "average"))
    winner = "average" if is_better(average, best) else "best"
    if winner == "best":
        load_checkpoint(model, run.directory, "best")
    name = {"best": "the best epoch", "average": "the average"}[winner]
    return winner, (
        f"Of validation {key} {best:.4f} (best epoch) and {average:.4f} (average of the last "
        f"checkpoints), {name} is taken."
    )
