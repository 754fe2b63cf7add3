"""CamemBERT: as RoBERTa."""

import functools

from adapters import roberta

check = functools.partial(roberta.check, prefix="Camembert")
