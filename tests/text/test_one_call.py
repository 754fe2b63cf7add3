import pytest
import tensorflow as tf

from tftransformer.text.one_call import traced_apart


@pytest.mark.parametrize(("trace", "warns"), [(tf.function, True), (traced_apart, False)])
def test_the_same_code_of_many_objects_is_traced_without_a_warning(caplog, trace, warns):
    class Doubler:
        def double(self, x):
            return x + x

    logger = tf.get_logger()
    logger.addHandler(caplog.handler)
    try:
        for _ in range(7):
            assert trace(Doubler().double, autograph=False)(tf.constant(2)) == 4
    finally:
        logger.removeHandler(caplog.handler)
    assert ("retracing" in caplog.text) == warns
