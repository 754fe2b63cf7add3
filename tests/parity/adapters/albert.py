"""ALBERT: our outputs and losses under the reference's names, as BERT's but in pre-training."""

from adapters import bert
from parity_tools import Case, cross_entropy, stack_outputs

NAMES = {
    "pooled": "pooler_output",
    "masked_lm": "prediction_logits",
    "sentence_order": "sop_logits",
}


def check(case: Case) -> None:
    if case.folder.meta["class"] != "AlbertForPreTraining":
        bert.check(case, "Albert")
        return
    got = stack_outputs(case, NAMES)
    if "labels" in case.inputs:
        got["loss"] = cross_entropy(got["prediction_logits"], case.inputs["labels"])
        got["loss"] += cross_entropy(got["sop_logits"], case.inputs["sentence_order_label"])
    case.compare(got)
