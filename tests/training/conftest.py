import importlib.util
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny():
    """The module `tiny_run.py`, which is a program as well."""
    path = Path(__file__).with_name("tiny_run.py")
    spec = importlib.util.spec_from_file_location("tiny_run", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def finished(tiny, tmp_path_factory):
    """The directory of a run of three epochs, 4, 8 and 12 updates, and the digest of its end."""
    directory = tmp_path_factory.mktemp("runs") / "finished"
    trainer = tiny.make(validation=tiny.TinyBatches(1), epochs=3, directory=directory)
    trainer.train()
    return directory, tiny.digest(trainer.model)


@pytest.fixture
def run(finished, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(finished[0], tmp_path / "run"))
