"""How a trained model is trained further by `fit(…, recipe=…)`."""

import keras
import numpy as np
import pytest

from tftransformer.tasks import TextClassifier, TextGenerator

TEXTS = ["a good film", "a bad film", "good fun", "bad jokes", "good", "bad"] * 8
LABELS = ["fine", "poor"] * 24


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """The folder of a language model of two parts below its heads."""
    folder = tmp_path_factory.mktemp("reader") / "general"
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2}
    write = TextGenerator(sizes, vocab_size=60, max_length=16)
    write.fit(TEXTS, epochs=1, validation=0, verbose=0).save(folder)
    return folder


def weights_of(task):
    return {weight.path.partition("/")[2]: np.array(weight) for weight in task.model_.weights}


def moved(before, after):
    """Parts of a model of which any weight is another one."""
    common = before.keys() & after.keys()
    return {path.split("/")[0] for path in common if (before[path] != after[path]).any()}


@pytest.mark.slow
def test_lower_parts_wait_for_their_epoch(reader):
    known = weights_of(TextGenerator.load(reader))

    def fitted(epochs):
        classify = TextClassifier(reader)
        classify.fit(TEXTS, LABELS, recipe="ulmfit", epochs=epochs, validation=0, verbose=0)
        return classify

    assert not moved(known, weights_of(fitted(1)))
    classify = fitted(3)
    assert moved(known, weights_of(classify)) == {path.split("/")[0] for path in known}
    assert all(weight.trainable for weight in classify.model_.trainable_weights)
    assert len(classify.model_.non_trainable_weights) == 0


@pytest.mark.slow
def test_callbacks_of_ones_own_are_called_too(reader):
    seen = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    classify = TextClassifier(reader)
    classify.fit(TEXTS, LABELS, recipe="ulmfit", epochs=2, validation=0, callbacks=note, verbose=0)
    assert seen == [0, 1]


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_bit(reader, tmp_path):
    def fit(name, **how):
        classify = TextClassifier(reader)
        classify.fit(
            TEXTS,
            LABELS,
            recipe="ulmfit",
            epochs=3,
            validation=0,
            directory=tmp_path / name,
            verbose=0,
            **how,
        )
        return weights_of(classify)

    def interrupt(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    whole = fit("whole")
    stop = keras.callbacks.LambdaCallback(on_epoch_end=interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit("stopped", callbacks=[stop])
    resumed = fit("stopped", resume=True)
    assert whole.keys() == resumed.keys()
    for path, value in whole.items():
        np.testing.assert_array_equal(value, resumed[path], err_msg=path)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="give a folder or a model to TextClassifier"):
        TextClassifier().fit(TEXTS, LABELS, recipe="ulmfit")
    with pytest.raises(ValueError, match="recipe='ulm' was given"):
        TextClassifier().fit(TEXTS, LABELS, recipe="ulm")
