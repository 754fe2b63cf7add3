"""ELECTRA: our outputs and losses under the reference's names, as BERT's but for `replaced`."""

import numpy as np
from adapters import bert
from parity_tools import Case, stack_outputs


def check(case: Case) -> None:
    if case.folder.meta["class"] != "ElectraForPreTraining":
        bert.check(case, "Electra")
        return
    got = stack_outputs(case, {"replaced": "logits"})
    got["logits"] = got["logits"][..., 0]
    if "labels" in case.inputs:
        labels = case.inputs["labels"]
        losses = np.logaddexp(0, got["logits"]) - labels * got["logits"]
        counted = case.inputs.get("attention_mask", np.ones_like(labels)) == 1
        got["loss"] = losses[counted].mean()
    case.compare(got)
