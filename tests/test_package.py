"""What `import tftransformer` alone has to bring."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import tftransformer as tt

LOAD = """
import sys
import tftransformer
import keras
model = keras.models.load_model(sys.argv[1])
print(type(model.loss).__name__, model.optimizer.get_config()["learning_rate"]["class_name"])
"""


@pytest.mark.slow
def test_keras_loads_a_compiled_model_after_the_bare_import(tmp_path):
    model = tt.Transformer(1, 8, 2, 8, vocab_size=11)
    model.compile(
        keras.optimizers.Adam(tt.CustomSchedule(8)),
        tt.LabelSmoothedCrossEntropy(),
        weighted_metrics=[tt.TokenAccuracy(), tt.Perplexity()],
    )
    path = tmp_path / "model.keras"
    model.save(path)
    run = subprocess.run([sys.executable, "-c", LOAD, path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["LabelSmoothedCrossEntropy", "CustomSchedule"]


@pytest.mark.slow
def test_every_subpackage_is_an_attribute_after_the_bare_import():
    folders = {path.parent.name for path in Path(tt.__file__).parent.glob("*/__init__.py")}
    folders = sorted(folders - {"cli"})  # a program, no library
    code = f"import tftransformer as tt\nfor name in {folders}: print(getattr(tt, name).__name__)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [f"tftransformer.{name}" for name in folders]


def test_help_of_each_model_names_its_inputs():
    stacked, paired = tt.models.StackModel, tt.models.EncoderDecoder
    for name in tt.models.__all__:
        model = getattr(tt.models, name)
        if issubclass(model, stacked):
            own = {"token_ids", "padding_mask"}
            own |= {*model.input_names} - {*stacked.input_names}
        elif issubclass(model, paired) and model is not paired:
            own = {"source_ids", "target_ids", "source_padding_mask", "target_padding_mask"}
        else:
            own = set()
        assert {entry for entry in own if f"`{entry}`" not in model.__doc__} == set(), name


WITHIN = """
import importlib.util, os, sys
spec = importlib.util.spec_from_file_location("quiet_start", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
with module.quiet_start():
    os.write(2, b"I0000 00:00:1 port.cc:153] a note\\nW0000 a warning\\n")
os.write(2, b"I0000 behind\\n")
"""


@pytest.mark.parametrize("level", [None, "0"])
def test_only_start_up_notes_are_held_back(level):
    path = Path(tt.__file__).parent / "quiet_start.py"
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level}
    run = subprocess.run(
        [sys.executable, "-c", WITHIN, path], capture_output=True, text=True, env=environment
    )
    note = ["I0000 00:00:1 port.cc:153] a note"] * (level == "0")
    assert run.stderr.splitlines() == [*note, "W0000 a warning", "I0000 behind"]


@pytest.mark.slow
def test_the_command_line_starts_without_a_word_of_tensorflow():
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-m", "tftransformer", "train", "--task", "classify", "--help"]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (run.returncode, run.stderr) == (0, "")
