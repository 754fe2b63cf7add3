"""Marian: our outputs and losses under the reference's names."""

import numpy as np
from adapters.t5 import forced, pair_inputs, pair_outputs
from parity_tools import Case, cross_entropy, decode

from tftransformer.decoding import BadWords


def check(case: Case) -> None:
    model, config = case.folder.model, case.folder.config
    inputs = pair_inputs(case)
    if case.call == "generate":
        prompt = np.full_like(inputs["source_ids"][:, :1], config["decoder_start_token_id"])
        decode(
            case,
            lambda length, num_beams: model.start_decoding(
                inputs, cache_length=length, num_beams=num_beams
            ),
            prompt,
            [BadWords([[config["pad_token_id"]]]), *forced(case)],
        )
        return
    got = pair_outputs(case, {})
    if "labels" in case.inputs:
        got["loss"] = cross_entropy(got["logits"], case.inputs["labels"])
    case.compare(got)
