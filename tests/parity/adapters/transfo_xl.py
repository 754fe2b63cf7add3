"""Transformer-XL: our outputs and losses under the reference's names."""

import itertools

import numpy as np
from parity_tools import Case, classification_loss, decode

NAMES = {"lm": "prediction_scores", "sequence_classification": "logits"}


def memory_inputs(case: Case) -> dict[str, list[np.ndarray]]:
    """The memory of a case, batch first."""
    names = sorted(name for name in case.inputs if name.startswith("mems."))
    return {"memory": [case.inputs[name].swapaxes(0, 1) for name in names]} if names else {}


def renamed(found: dict, names: dict[str, str]) -> dict:
    """What the model computed, under the reference's names; its memory has time first."""
    got = {theirs: np.array(found[ours]) for ours, theirs in names.items() if ours in found}
    got["last_hidden_state"] = found["hidden"]
    for key in ("hidden_states", "attentions"):
        got |= {f"{key}.{n}": x for n, x in enumerate(found[key])}
    return got | {f"mems.{n}": np.array(x).swapaxes(0, 1) for n, x in enumerate(found["memory"])}


def check(case: Case) -> None:
    ids = case.inputs["input_ids"].astype("int32")
    inputs = {"token_ids": ids, **memory_inputs(case)}
    if case.call == "generate":
        start = case.folder.model.start_decoding
        decode(case, lambda length, beams: start(inputs, cache_length=length, num_beams=beams), ids)
        return
    got = renamed(case.folder.model.details(inputs), NAMES)
    labels, config = case.inputs.get("labels"), case.folder.config
    if labels is not None and "logits" in got:
        got["loss"] = classification_loss(got["logits"], labels, config)
    elif labels is not None:
        bounds = [0, *config["cutoffs"], config["vocab_size"]]
        got["losses"] = losses = token_losses(got["prediction_scores"], labels, bounds)
        got["loss"] = losses[losses != 0].mean()
    case.compare(got)


def token_losses(scores: np.ndarray, labels: np.ndarray, bounds: list[int]) -> np.ndarray:
    """Minus log-probabilities of the shifted labels; of several clusters, one after another."""
    labels = labels[:, 1:]
    chosen = np.take_along_axis(scores[:, :-1], np.maximum(labels, 0)[..., None], -1)[..., 0]
    losses = np.where(labels == -100, 0, -chosen)
    if len(bounds) == 2:
        return losses
    pairs = itertools.pairwise(bounds)
    grouped = np.concatenate([losses[(start <= labels) & (labels < end)] for start, end in pairs])
    return np.pad(grouped, (0, labels.size - grouped.size)).reshape(labels.shape)
