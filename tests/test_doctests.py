"""The examples in docstrings run: each example of the package is a test of its own."""

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import tftransformer as tt

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# Examples that take longer than a second or two.
SLOW = {
    "tftransformer.tasks.translator.Translator",
    "tftransformer.training.checkpoints.load_checkpoint",
    "tftransformer.training.recipes.freezing.GradualUnfreezing",
    "tftransformer.training.recipes.ulmfit.ulmfit",
    "tftransformer.training.trainer.Trainer",
}


def examples():
    """All docstrings with an example, by the name of what they describe."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = {}
    for module in pkgutil.walk_packages(tt.__path__, "tftransformer."):
        if module.name.endswith("__main__"):
            continue
        loaded = importlib.import_module(module.name)
        for test in finder.find(loaded, module.name):
            if test.examples:
                found[test.name] = (test, loaded)
    return found


EXAMPLES = examples()


def params():
    for name in sorted(EXAMPLES):
        marks = [pytest.mark.slow] if name in SLOW else []
        yield pytest.param(name, marks=marks)


@pytest.mark.slow_after(2)
@pytest.mark.parametrize("name", params())
def test_the_example_runs(name, tmp_path, monkeypatch):
    test, module = EXAMPLES[name]
    monkeypatch.chdir(tmp_path)
    test.globs = {"np": np, "keras": keras, "tf": tf, "tt": tt, **vars(module)}
    said = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert not said, "".join(said)


def test_no_example_is_skipped():
    for name, (test, _) in EXAMPLES.items():
        assert not any(doctest.SKIP in example.options for example in test.examples), name


def test_slow_examples_are_there():
    assert EXAMPLES.keys() >= SLOW
