"""T5: our outputs and losses under the reference's names."""

import numpy as np
from parity_tools import (
    Case,
    classification_loss,
    cross_entropy,
    decode,
    span_loss,
    stack_outputs,
)

from tftransformer.decoding import ForcedEnd, ForcedStart, Processor
from tftransformer.models import T5Encoder

NAMES = {"lm": "logits", "sequence_classification": "logits", "token_classification": "logits"}
NAMES |= {"hidden": "last_hidden_state"}
INPUTS = {
    "input_ids": "source_ids",
    "attention_mask": "source_padding_mask",
    "decoder_input_ids": "target_ids",
    "decoder_attention_mask": "target_padding_mask",
}


def check(case: Case) -> None:
    if isinstance(case.folder.model, T5Encoder):
        got = stack_outputs(case, NAMES)
    elif case.call == "generate":
        inputs = pair_inputs(case)
        model, start = case.folder.model, case.folder.config["decoder_start_token_id"]
        prompt = np.full_like(inputs["source_ids"][:, :1], start)
        decode(
            case,
            lambda length, num_beams: model.start_decoding(
                inputs, cache_length=length, num_beams=num_beams
            ),
            prompt,
            forced(case),
        )
        return
    else:
        got = pair_outputs(case, NAMES)
    given = case.inputs
    if "span" in got:
        got["start_logits"], got["end_logits"] = got["span"][..., 0], got["span"][..., 1]
    if "start_positions" in given:
        got["loss"] = span_loss(got["start_logits"], got["end_logits"], given)
    elif "labels" in given and given["labels"].ndim == 1:
        got["loss"] = classification_loss(got["logits"], given["labels"], case.folder.config)
    elif "labels" in given:
        got["loss"] = cross_entropy(got["logits"], given["labels"])
    case.compare(got)


def forced(case: Case) -> list[Processor]:
    """What forces the first and the last token, as the options and then the folder say."""
    options, limit = {**case.folder.config, **case.options}, case.options.get("max_length")
    first, last = options.get("forced_bos_token_id"), options.get("forced_eos_token_id")
    return [
        *([] if first is None else [ForcedStart(first)]),
        *([] if None in (last, limit) else [ForcedEnd(limit, last)]),
    ]


def pair_inputs(case: Case) -> dict[str, np.ndarray]:
    """The inputs of an `EncoderDecoder`; without a mask all is real, labels are the target."""
    given, config = case.inputs, case.folder.config
    inputs = {INPUTS[name]: given[name].astype("int32") for name in INPUTS.keys() & given.keys()}
    inputs.setdefault("source_padding_mask", np.ones_like(inputs["source_ids"]))
    if "labels" in given and given["labels"].ndim == 2:
        labels = given["labels"].astype("int32")
        labels = np.where(labels == -100, config["pad_token_id"], labels)
        start = np.full_like(labels[:, :1], config["decoder_start_token_id"])
        inputs.setdefault("target_ids", np.concatenate([start, labels[:, :-1]], axis=1))
    if "target_ids" in inputs:
        inputs.setdefault("target_padding_mask", np.ones_like(inputs["target_ids"]))
    return {key: x == 1 if key.endswith("mask") else x for key, x in inputs.items()}


def pair_outputs(case: Case, names: dict[str, str]) -> dict[str, np.ndarray]:
    """What an `EncoderDecoder` computes, under the reference's names; `names`: ours → theirs."""
    details = case.folder.model.details(pair_inputs(case))
    got = {"encoder_last_hidden_state": details["encoder_hidden_states"][-1]}
    for name, output in details.items():
        if isinstance(output, list):
            got |= {f"{name}.{n}": x for n, x in enumerate(output)}
        else:
            got[names.get(name, name)] = output
    return {name: np.array(output) for name, output in got.items()}
