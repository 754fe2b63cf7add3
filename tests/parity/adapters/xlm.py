"""XLM: our outputs and losses under the reference's names."""

import numpy as np
from adapters.xlnet import POSITIONS, beam_outputs, binary_cross_entropy
from parity_tools import Case, classification_loss, cross_entropy, span_loss, stack_inputs

NAMES = dict.fromkeys(
    ("lm", "sequence_classification", "token_classification", "multiple_choice"), "logits"
)


def check(case: Case) -> None:
    given, model = case.inputs, case.folder.model
    inputs = stack_inputs(case, lengths="lengths")
    if "attention_mask" not in given:
        del inputs["padding_mask"]  # XLM has a rule of its own for what is padding
    if "span_beam" in model.heads:
        if "p_mask" in given:
            inputs["span_mask"] = given["p_mask"] == 0
        inputs |= {
            POSITIONS[name]: given[name].astype("int32") for name in POSITIONS.keys() & given.keys()
        }
    found = model.details(inputs)
    got = {theirs: found[ours] for ours, theirs in NAMES.items() if ours in found}
    got["last_hidden_state"] = found["hidden"]
    for key in ("hidden_states", "attentions"):
        got |= {f"{key}.{n}": x for n, x in enumerate(found[key])}
    if "span" in found:
        got["start_logits"], got["end_logits"] = np.moveaxis(np.array(found["span"]), -1, 0)
    if "span_beam" in found:
        got |= beam_outputs(found["span_beam"])
    if "start_positions" in given:
        got["loss"] = span_loss(got["start_logits"], got["end_logits"], given)
        if "is_impossible" in given:
            got["loss"] += binary_cross_entropy(got["cls_logits"], given["is_impossible"]) / 2
    elif "labels" in given and "sequence_classification" in found:
        logits = np.array(got["logits"])
        got["loss"] = classification_loss(logits, given["labels"], case.folder.config)
    elif "labels" in given:
        got["loss"] = cross_entropy(got["logits"], given["labels"])
    case.compare(got)
