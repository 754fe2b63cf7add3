"""`export` of Keras works without a signature."""

import numpy as np
import pytest
import tensorflow as tf

from tftransformer.models import T5, Bart, Bert, Gpt2, Transformer

SIZES = {"num_layers": 1, "d_model": 8, "num_heads": 2, "dff": 8, "vocab_size": 20}
IDS = np.array([[5, 6, 7], [8, 9, 1]], "int32")
PAIR = {"source_ids": IDS, "target_ids": IDS[:, :2]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (lambda: Bert(**SIZES, heads=["masked_lm"]), {"token_ids": IDS}),
        (lambda: Gpt2(**SIZES).only("lm"), {"token_ids": IDS}),
        (lambda: Transformer(**SIZES), PAIR),
        (lambda: T5(**SIZES), PAIR),
        (lambda: Bart(**SIZES), PAIR),
    ],
    ids=["Bert", "OneHead", "Transformer", "T5", "Bart"],
)
def test_an_export_without_a_signature_computes_what_the_model_does(make, inputs, tmp_path):
    model = make()
    model.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "model")
    found = loaded.serve({name: tf.constant(ids) for name, ids in inputs.items()})
    tf.nest.map_structure(
        lambda one, other: np.testing.assert_allclose(one, other, atol=1e-5), found, model(inputs)
    )
