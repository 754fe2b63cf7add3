"""ULMFiT."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from tftransformer.training.preparation import check_callbacks
from tftransformer.training.recipes.freezing import GradualUnfreezing, freeze
from tftransformer.training.recipes.layerwise_rates import LayerwiseRates
from tftransformer.training.schedules import SlantedTriangularSchedule
from tftransformer.training.trainer import Trainer

# The steps, and what each takes of `ulmfit_finetuning`.
STAGES = {
    "pretrain": ["optimizer"],
    "adapt": ["optimizer", "gradients"],
    "finetune": ["optimizer", "gradients", "callbacks"],
}


def ulmfit_finetuning(peak: float, updates: int, decay: float = 1 / 2.6) -> dict[str, Any]:
    """Returns the `Trainer` arguments for the last step of ULMFiT, where a model learns labels.

    Lower parts of the model learn later and more slowly, with a slanted triangular rate (Howard and
    Ruder 2018, §3.2 and §3.3). A task's `fit(…, recipe="ulmfit")` trains so. Unfreezing takes as
    many epochs as the model has parts.

    Args:
        peak: highest rate, that of the heads.
        updates: number of updates.
        decay: decay of `LayerwiseRates`.

    Returns:
        `optimizer`, `gradients` and `callbacks`.

    Example:

    >>> sorted(ulmfit_finetuning(1e-3, updates=100))
    ['callbacks', 'gradients', 'optimizer']
    """
    return {
        # Step 0 of a schedule is the first update.
        "optimizer": keras.optimizers.Adam(
            SlantedTriangularSchedule(peak, updates), beta_1=0.7, beta_2=0.99
        ),
        "gradients": LayerwiseRates(decay),
        "callbacks": [GradualUnfreezing()],
    }


def ulmfit(
    model: Any,
    general: Any,
    domain: Any,
    labelled: Any,
    *,
    heads: Sequence[str] = ("lm", "sequence_classification"),
    epochs: Sequence[int] = (10, 10, 10),
    peaks: Sequence[float] = (1e-3, 1e-3, 1e-3),
    decay: float = 1 / 2.6,
    directory: str | Path | None = None,
    **options: Any,
) -> list[dict[str, list[float]]]:
    """Pre-trains a language model, adapts it to a domain, and fine-tunes it on labels.

    These are the three steps of Howard and Ruder (2018, §3), each a `Trainer` with a slanted
    triangular rate; the second and third have a rate for each part, the third unfreezes gradually.
    For other data, objectives or callbacks, copy the few lines of this function.

    Args:
        model: with both heads, such as `tt.Gpt2(heads=["lm", "sequence_classification"])`.
        general: batches of plain text, for the first head.
        domain: batches of texts of the domain, without labels.
        labelled: batches for the second head.
        heads: names of the two heads.
        epochs: epochs of each of the three steps. Unfreezing takes as many as the model has parts.
        peaks: highest rates of the three steps.
        decay: decay of `LayerwiseRates`.
        directory: folder for the runs, in `pretrain`, `adapt` and `finetune`. With `resume=True`
            finished steps are not repeated, and an interrupted one continues.
        **options: further arguments of all three `Trainer`s.

    Returns:
        the histories of the three steps. The model is trained in place, and nothing stays frozen.

    Example:

    >>> ids = np.arange(12, dtype="int32").reshape(3, 4) + 3
    >>> weights = np.ones((3, 4), "float32")
    >>> text = tf.data.Dataset.from_tensor_slices((ids, ids, weights)).batch(3)
    >>> labelled = tf.data.Dataset.from_tensor_slices((ids, [0, 1, 0], weights[:, 0])).batch(3)
    >>> model = tt.Gpt2(20, 1, 8, 2, num_positions=8, heads=["lm", "sequence_classification"])
    >>> histories = ulmfit(model, text, text, labelled, epochs=(1, 1, 2), verbose=0)
    >>> [len(history["loss"]) for history in histories]
    [1, 1, 2]
    """
    own = check_callbacks(options.pop("callbacks", ()))
    histories = []
    for number, (stage, taken) in enumerate(STAGES.items()):
        batches = (general, domain, labelled)[number]
        windows = math.ceil(len(batches) / options.get("gradient_accumulation", 1))
        updates = epochs[number] * max(1, windows)
        recipe = ulmfit_finetuning(peaks[number], updates, decay)
        told = {name: recipe[name] for name in taken}
        told["callbacks"] = [*told.get("callbacks", ()), *own]
        history = Trainer(
            model.only(heads[stage == "finetune"]),
            batches,
            epochs=epochs[number],
            directory=None if directory is None else Path(directory) / stage,
            **{**told, **options},
        ).train()
        histories.append(history.history)
    freeze(model, below=0)
    return histories
