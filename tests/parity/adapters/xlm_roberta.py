"""XLM-RoBERTa: as RoBERTa."""

import functools

from adapters import roberta

check = functools.partial(roberta.check, prefix="XLMRoberta")
