"""RoBERTa: as BERT, but explicit positions are rows of the table there, and numbers here."""

from adapters import bert
from parity_tools import Case


def check(case: Case, prefix: str = "Roberta") -> None:
    if "position_ids" in case.inputs:
        first = case.folder.config["pad_token_id"] + 1
        case.inputs["position_ids"] = case.inputs["position_ids"] - first
    bert.check(case, prefix)
