"""XLNet: our outputs and losses under the reference's names."""

import numpy as np
from adapters.transfo_xl import memory_inputs, renamed
from parity_tools import Case, classification_loss, cross_entropy, span_loss, stack_inputs

NAMES = dict.fromkeys(
    ("lm", "sequence_classification", "token_classification", "multiple_choice"), "logits"
)
# True is what is hidden there, and what may be seen here.
MASKS = {"perm_mask": "attention_mask", "p_mask": "span_mask"}
POSITIONS = {"cls_index": "class_positions", "start_positions": "start_positions"}


def check(case: Case) -> None:
    given, model = case.inputs, case.folder.model
    inputs = {**stack_inputs(case), **memory_inputs(case)}
    inputs |= {MASKS[name]: given[name] == 0 for name in MASKS.keys() & given.keys()}
    if "target_mapping" in given:
        inputs["target_mapping"] = given["target_mapping"]
    if "span_beam" in model.heads:
        inputs |= {
            POSITIONS[name]: given[name].astype("int32") for name in POSITIONS.keys() & given.keys()
        }
    found = model.details(inputs)
    got = renamed(found, NAMES)
    for n, query in enumerate(found["query_attentions"]):
        if query is not None:
            got |= {f"attentions.{n}.0": got.pop(f"attentions.{n}"), f"attentions.{n}.1": query}
    if "span" in found:
        got["start_logits"], got["end_logits"] = np.moveaxis(np.array(found["span"]), -1, 0)
    if "span_beam" in found:
        got |= beam_outputs(found["span_beam"])
    if "start_positions" in given:
        got["loss"] = span_loss(got["start_logits"], got["end_logits"], given)
        if "is_impossible" in given:
            got["loss"] += binary_cross_entropy(got["cls_logits"], given["is_impossible"]) / 2
    elif "sequence_classification" in found and "labels" in given:
        got["loss"] = classification_loss(got["logits"], given["labels"], case.folder.config)
    elif "labels" in given:
        got["loss"] = cross_entropy(got["logits"], given["labels"])
    case.compare(got)


def beam_outputs(found: dict) -> dict[str, np.ndarray]:
    """The outputs of `SpanBeamHead`: flat there, the ends outermost."""
    found = {name: np.array(value) for name, value in found.items()}
    rows = len(found["answerable"])
    return found | {
        "start_top_log_probs": found["start_probabilities"],
        "start_top_index": found["start_positions"],
        "end_top_log_probs": found["end_probabilities"].swapaxes(1, 2).reshape(rows, -1),
        "end_top_index": found["end_positions"].swapaxes(1, 2).reshape(rows, -1),
        "cls_logits": found["answerable"],
    }


def binary_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross entropy of independent labels."""
    return np.mean(np.logaddexp(0, logits) - labels * logits)
