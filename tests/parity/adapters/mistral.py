"""Mistral and other families with windows: as GPT, but for padding that no window reaches.

Where a query sees nothing, the reference looks at everything alike, padding included; here it sees
nothing.
"""

import numpy as np
from adapters.gpt import check as check_gpt
from parity_tools import Case

AXES = {"logits": 1, "hidden_states": 1, "attentions": 2, "start_logits": 1, "end_logits": 1}


def check(case: Case) -> None:
    per_token = case.call == "forward" and not case.folder.name.startswith("seqcls")
    if per_token and "attention_mask" in case.inputs and not case.rows:
        is_token = np.asarray(case.inputs["attention_mask"]) == 1
        case.rows |= {name: (axis, is_token) for name, axis in AXES.items()}
    check_gpt(case)
