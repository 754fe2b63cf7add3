"""What is compiled on the backend of the tests, TensorFlow."""

import keras
import tensorflow as tf

from tftransformer.core.compiling import compiled


def test_the_same_code_for_many_settings_is_compiled_without_a_warning(caplog):
    logger = tf.get_logger()
    logger.addHandler(caplog.handler)
    try:
        for factor in range(7):
            times = compiled(lambda x, factor=factor: x * factor, [])
            assert times(keras.ops.convert_to_tensor(2)) == 2 * factor
    finally:
        logger.removeHandler(caplog.handler)
    assert "retracing" not in caplog.text
