"""Whether the average of a run is better than its best epoch."""

from collections.abc import Callable
from typing import Any

import keras

from tftransformer.training.checkpoints import Checkpointing, load_checkpoint, states_to_load
from tftransformer.training.run_directory import RunDirectory

NAMES = {"best": "the best epoch", "average": "the average"}


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
    kept = [one for one in ("best", "average") if states_to_load(run.directory, one)]
    if not kept:
        raise ValueError(
            f"'{run.directory}' holds nothing to take a model from: no update was made, or weights "
            "are not finite since the first epoch. Train longer, or with a lower learning rate or "
            "clip_norm=1.0."
        )
    before = model.get_weights()
    logs = {}
    try:
        for one in kept:
            load_checkpoint(model, run.directory, one, last if one == "average" else None)
            logs[one] = evaluate(validation)
    except Exception:
        model.set_weights(before)
        raise
    checkpointing = run.checkpointing
    key, is_better = (checkpointing.monitor or "").removeprefix("val_"), checkpointing.is_better
    if len(kept) < 2:
        return kept[0], f"Only {NAMES[kept[0]]} was kept, and is taken."
    if key not in logs["best"]:
        key, is_better = "loss", Checkpointing().is_better
    best, average = (logs[one][key] for one in kept)
    winner = "average" if is_better(average, best) else "best"
    if winner == "best":
        load_checkpoint(model, run.directory, "best")
    return winner, (
        f"Of validation {key} {best:.4f} (best epoch) and {average:.4f} (average of the last "
        f"checkpoints), {NAMES[winner]} is taken."
    )
