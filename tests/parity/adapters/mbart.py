"""mBART: as T5, but labels are shifted behind their last token, the code of the language."""

import numpy as np
from adapters import t5
from parity_tools import Case


def check(case: Case) -> None:
    labels = case.inputs.get("labels")
    if labels is not None and labels.ndim == 2:
        pad = case.folder.config["pad_token_id"]
        ids = np.where(labels == -100, pad, labels)
        last = np.take_along_axis(ids, (ids != pad).sum(1, keepdims=True) - 1, axis=1)
        case.inputs["decoder_input_ids"] = np.concatenate([last, ids[:, :-1]], axis=1)
    t5.check(case)
