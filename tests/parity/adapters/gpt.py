"""GPT and GPT-2: our outputs and losses under the reference's names."""

import numpy as np
from parity_tools import (
    Case,
    classification_loss,
    cross_entropy,
    decode,
    shifted_cross_entropy,
    span_loss,
    stack_inputs,
    stack_outputs,
)

NAMES = {
    "lm": "logits",
    "multiple_choice": "mc_logits",
    "sequence_classification": "logits",
    "token_classification": "logits",
    "span": "span",
}


def check(case: Case) -> None:
    if case.call == "generate":
        inputs = stack_inputs(case)
        model = case.folder.model
        decode(
            case,
            lambda length, num_beams: model.start_decoding(
                inputs, cache_length=length, num_beams=num_beams
            ),
            inputs["token_ids"],
        )
        return
    if "attention_mask" in case.inputs:
        # With choices the reference wants the mask folded.
        mask, ids = case.inputs["attention_mask"], case.inputs["input_ids"]
        case.inputs["attention_mask"] = mask.reshape(ids.shape)
    got = stack_outputs(case, NAMES, mc_token_ids="pooled_positions")
    if "span" in got:
        got["start_logits"], got["end_logits"] = got["span"][..., 0], got["span"][..., 1]
    if "hidden_states.0" in case.wanted and case.inputs["input_ids"].ndim == 3:
        # The reference unfolds the last of the hidden states alone.
        last = max((k for k in got if k.startswith("hidden_states.")), key=lambda k: int(k[14:]))
        got[last] = got["last_hidden_state"]
    kind, inputs = case.folder.meta["class"], case.inputs
    if kind.endswith("ForQuestionAnswering"):
        if "start_positions" in inputs:
            got["loss"] = span_loss(got["start_logits"], got["end_logits"], inputs)
    elif "labels" in inputs:
        if kind.endswith("ForSequenceClassification"):
            got["loss"] = classification_loss(got["logits"], inputs["labels"], case.folder.config)
        elif kind.endswith("ForTokenClassification"):
            got["loss"] = cross_entropy(got["logits"], inputs["labels"])
        else:
            got["loss"] = shifted_cross_entropy(got["logits"], inputs["labels"])
    if "mc_labels" in inputs:
        got["mc_loss"] = cross_entropy(np.asarray(got["mc_logits"]), inputs["mc_labels"])
    case.compare(got)
