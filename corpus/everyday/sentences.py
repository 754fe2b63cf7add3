"""All kinds of sentences and how often each comes."""

from collections.abc import Callable
from random import Random

from everyday.embedded import object_relative, purpose, relative, report
from everyday.joined import (
    arrival,
    before,
    condition,
    contrast,
    meanwhile,
    reason,
)
from everyday.parts import Sentence
from everyday.simple import (
    description,
    imperative,
    object_question,
    question,
    statement,
    when_question,
    where_question,
    who_question,
)

KINDS: dict[Callable[[Random], Sentence], int] = {
    statement: 24,
    question: 9,
    when_question: 4,
    object_question: 4,
    who_question: 2,
    where_question: 2,
    imperative: 4,
    description: 3,
    reason: 12,
    condition: 7,
    before: 5,
    meanwhile: 7,
    contrast: 8,
    report: 10,
    arrival: 4,
    purpose: 5,
    relative: 5,
    object_relative: 4,
}


def sentence(rng: Random) -> Sentence:
    """Draws one sentence."""
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    return kind(rng)._replace(kind=kind.__name__)
