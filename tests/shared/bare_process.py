"""SavedModels in a process that has TensorFlow and no package of ours."""

import json
import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import json, sys
import tensorflow as tf

request = json.loads(sys.stdin.read())
if request["has_tensorflow_text"]:
    import tensorflow_text

def plain(outputs):
    found = {name: value.tolist() for name, value in outputs.items()}
    return json.loads(json.dumps(found, default=bytes.decode))

found = {}
for folder, inputs in request["inputs"].items():
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    feeds = {name: tf.constant(value) for name, value in inputs.items()}
    eager = serve(**feeds)
    if request["asks_nothing"]:
        nothing = {name: tf.zeros([0] * len(x.shape), tf.string) for name, x in feeds.items()}
        for name, value in serve(**nothing).items():
            assert len(value) == 0 and len(value.shape) == len(eager[name].shape), (name, value)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
        signature = graph.signature_def["serving_default"]
        fetches = {name: tensor.name for name, tensor in signature.outputs.items()}
        feeds = {signature.inputs[name].name: value for name, value in inputs.items()}
        inside = session.run(fetches, feeds)
    assert set(inside) == set(eager)
    found[folder] = [plain({name: x.numpy() for name, x in eager.items()}), plain(inside)]
modules = {name.partition(".")[0] for name in sys.modules}
assert "tftransformer" not in modules
assert request["has_tensorflow_text"] or "tensorflow_text" not in modules
print(json.dumps(found))
"""


def served(inputs, *, asks_nothing=False, has_tensorflow_text=True):
    """Returns what SavedModels answer, as Python loads them and as a server does.

    Args:
        inputs: for each folder the inputs of its `serving_default`, lists by name.
        asks_nothing: whether an empty batch is asked for, too; its answers must be empty.
        has_tensorflow_text: whether the process imports it.

    Returns:
        for each folder, by its path as a string, two dicts of outputs as lists.
    """
    inputs = {str(folder): given for folder, given in inputs.items()}
    options = {"asks_nothing": asks_nothing, "has_tensorflow_text": has_tensorflow_text}
    run = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps({"inputs": inputs, **options}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=Path(next(iter(inputs))).parent,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout.splitlines()[-1])
