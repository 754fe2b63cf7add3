"""How a property is asked of many draws."""

import os

import hypothesis
import numpy as np
import tensorflow as tf

# How many times as many draws the slow suite makes: a draw takes a second or two. Thousands are
# drawn by COMBINATIONS.
MANY = 5


def drawn(holds, number, *strategies):
    """Asserts a property of so many draws."""
    number, seed = int(os.environ.get("COMBINATIONS", number)), os.environ.get("SEED")
    settings = hypothesis.settings(
        max_examples=number,
        deadline=None,
        derandomize=seed is None,
        database=None,
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # a case takes a second
        print_blob=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    test = settings(hypothesis.given(*strategies)(holds))
    (test if seed is None else hypothesis.seed(int(seed))(test))()


def as_numbers(tensor):
    return np.array(tf.cast(tensor, "float32"))


def close(found, expected, bound, of):
    """Asserts that numbers are equal up to a bound, relative to the largest of them."""
    bound = bound * max(1.0, np.abs(expected).max(initial=0.0))
    assert np.abs(found - expected).max(initial=0.0) <= bound, (of, found, expected)
