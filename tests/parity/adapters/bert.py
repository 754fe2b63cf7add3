"""BERT: our outputs and losses under the reference's names."""

import functools

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
    "pooled": "pooler_output",
    "lm": "logits",
    "sequence_classification": "logits",
    "token_classification": "logits",
    "multiple_choice": "logits",
}


def check(case: Case, prefix: str = "Bert") -> None:
    if case.call == "generate":
        inputs = stack_inputs(case)
        start = functools.partial(case.folder.model.start_decoding, inputs)
        decode(
            case,
            lambda length, beams: start(cache_length=length, num_beams=beams),
            inputs["token_ids"],
        )
        return
    kind = case.folder.meta["class"].removeprefix(prefix)
    both = kind == "ForPreTraining"
    got = stack_outputs(
        case,
        NAMES
        | {"masked_lm": "prediction_logits" if both else "logits"}
        | {"next_sentence": "seq_relationship_logits" if both else "logits"}
        | {"span": "span"},
    )
    if "span" in got:
        got["start_logits"], got["end_logits"] = got["span"][..., 0], got["span"][..., 1]
    if "labels" in case.inputs or "start_positions" in case.inputs:
        got["loss"] = loss(kind, got, case)
    case.compare(got)


def loss(kind: str, got: dict, case: Case) -> float:
    inputs = case.inputs
    if kind == "ForPreTraining":
        return cross_entropy(got["prediction_logits"], inputs["labels"]) + cross_entropy(
            got["seq_relationship_logits"], inputs["next_sentence_label"]
        )
    if kind == "ForQuestionAnswering":
        # What the reference makes of padding that sees nothing is not compared, but counts there.
        ends = [
            np.where(case.rows[name][1], got[name], case.wanted[name])
            if name in case.rows
            else got[name]
            for name in ("start_logits", "end_logits")
        ]
        return span_loss(*ends, inputs)
    if kind == "ForSequenceClassification":
        return classification_loss(got["logits"], inputs["labels"], case.folder.config)
    if kind in ("LMHeadModel", "ForCausalLM"):
        return shifted_cross_entropy(got["logits"], inputs["labels"])
    return cross_entropy(got["logits"], inputs["labels"])
