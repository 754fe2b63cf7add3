"""Deberta: named as BERT."""

from adapters import bert
from parity_tools import Case


def check(case: Case) -> None:
    bert.check(case, "Deberta")
