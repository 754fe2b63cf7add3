"""DistilBERT: our outputs and losses under the reference's names, as BERT's."""

import functools

from adapters import bert

check = functools.partial(bert.check, prefix="DistilBert")
