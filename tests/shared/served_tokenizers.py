"""SavedModels of tokenizers in a process that has no package of ours."""

import subprocess
import sys

import tensorflow as tf

PROGRAM = """
import sys
import tensorflow as tf
{imports}

texts, expected, folder = {texts!r}, {expected!r}, {folder!r}
serve = tf.saved_model.load(folder).signatures["serving_default"]
tf.random.set_seed(1)
result = serve(tf.constant(texts))
assert {{key: value.numpy().tolist() for key, value in result.items()}} == expected
assert serve(tf.constant([], tf.string))[{text!r}].shape == (0,)

with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
    signature = meta.signature_def["serving_default"]
    result = session.run(
        {{key: info.name for key, info in signature.outputs.items()}},
        {{signature.inputs["texts"].name: texts}},
    )
assert {{key: value.tolist() for key, value in result.items()}} == expected
assert not {absent!r} & sys.modules.keys()
"""


def check_served(module, serve, texts, folder, *, text, needs_tensorflow_text):
    """Saves a module and asks it for `texts`, as Python and as a server loads it.

    Args:
        module: holds the tokenizers.
        serve: the signature, from strings (batch,) to a dict.
        texts: what is asked.
        folder: an empty folder.
        text: an entry of the answers that is string (batch,).
        needs_tensorflow_text: whether the process imports it; else it must do without.

    Returns:
        the answers, as lists.
    """
    tf.saved_model.save(module, str(folder), signatures=serve)
    expected = {key: value.numpy().tolist() for key, value in serve(tf.constant(texts)).items()}
    program = PROGRAM.format(
        imports="import tensorflow_text" if needs_tensorflow_text else "",
        texts=texts,
        expected=expected,
        folder=str(folder),
        text=text,
        absent={"tftransformer"} | (set() if needs_tensorflow_text else {"tensorflow_text"}),
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=folder)
    return expected
