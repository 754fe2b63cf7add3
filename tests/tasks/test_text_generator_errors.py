"""TextGenerator: what it refuses, and when."""

import keras
import pandas as pd
import pytest
from noise_writers import TEXTS

import tftransformer as tt


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"colour": 1}, TypeError, "'colour' is no option"),
        ({"temperature": 0.5}, ValueError, "do_sample=True"),
        ({"temperature": 0, "do_sample": True}, ValueError, "temperature=0 .* do_sample=False"),
        ({"stop_strings": "e"}, TypeError, r"'stop_strings' is no option .* said by stop\."),
        ({"do_sample": True, "num_beams": 2}, ValueError, "num_beams=2 and do_sample"),
        ({"penalty_alpha": 0.6, "num_beams": 2}, ValueError, "num_beams=2 and penalty_alpha=0.6"),
        ({"penalty_alpha": 0.6, "do_sample": True}, ValueError, "choose one of the two"),
        ({"num_beam_groups": 3}, ValueError, "num_beam_groups=3"),
        ({"max_new_tokens": 0}, ValueError, "max_new_tokens"),
        ({"stop": ""}, ValueError, "stop=''"),
        ({"num_return_sequences": 2}, ValueError, "num_return_sequences=2"),
    ],
)
def test_options_without_sense_are_refused_by_name(write, options, error, message):
    with pytest.raises(error, match=message):
        write("A", **options)


@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        ("Bert", {}, "no token after the query"),
        ("XLNet", {"penalty_alpha": 0.6}, "XLNet has no hidden state"),
        ("XLNet", {}, "XLNet predicts a token at its own position"),
        ("T5", {}, "T5 writes a text for a source"),
        ("Bart", {}, "Bart writes a text for a source"),
    ],
)
def test_a_model_that_could_not_write_so_is_not_trained(family, options, message):
    writer = tt.TextGenerator(
        {"family": family, "num_layers": 1, "d_model": 16, "num_heads": 2}, options=options
    )
    with pytest.raises(ValueError, match=message):
        writer.fit(TEXTS)
    assert not hasattr(writer, "model_")


class NoTraining(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        raise AssertionError("long work")


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{"max_length": 1}, {"max_length": 16, "options": {"max_new_tokens": 16}}]
)
def test_settings_that_leave_no_room_to_write_are_told_before_training(settings):
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2}
    writer = tt.TextGenerator(sizes, vocab_size=160, **settings)
    with pytest.raises(ValueError, match="leaves no room for a prompt"):
        writer.fit(TEXTS, validation=0, verbose=0, callbacks=[NoTraining()])
    assert not hasattr(writer, "model_")


@pytest.mark.slow
def test_where_every_token_is_banned_that_is_told(write):
    with pytest.raises(ValueError, match="no continuation of 'A' has a finite score"):
        write("A", max_new_tokens=2, suppress_tokens=range(160))


def test_nothing_can_be_written_before_it_is_learnt():
    with pytest.raises(RuntimeError, match="call fit first"):
        tt.TextGenerator()("A")
    with pytest.raises(ValueError, match="column 'text' is not in"):
        tt.TextGenerator().fit(pd.DataFrame({"a": ["b"]}))
    with pytest.raises(ValueError, match="there is no row"):
        tt.TextGenerator().fit([])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eos_token_id", 999),
        ("eos_token_id", [3, 999]),
        ("forced_bos_token_id", 999),
        ("suppress_tokens", [999]),
        ("bad_words_ids", [[4, 5], [6, 999]]),
    ],
)
def test_an_id_beyond_the_vocabulary_is_refused_before_anything_is_written(
    write, make_translator, name, value
):
    for task in (write, make_translator()):
        with pytest.raises(ValueError, match=rf"{name}=.* holds 999, and the vocabulary .* pieces"):
            task("A", **{name: value})
