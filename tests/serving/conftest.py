import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture(scope="session")
def serve():
    """Returns a function: what a SavedModel says to texts, each way it can be run."""

    def outputs(path, texts):
        signature = tf.saved_model.load(str(path)).signatures["serving_default"]
        with tf.compat.v1.Session(graph=tf.Graph()) as session:
            graph = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(path))
            served = graph.signature_def["serving_default"]
            fetches = {name: tensor.name for name, tensor in served.outputs.items()}
            in_session = session.run(fetches, {served.inputs["texts"].name: texts})
        eager = signature(texts=tf.constant(texts))
        return [{name: np.array(x) for name, x in found.items()} for found in (eager, in_session)]

    return outputs
