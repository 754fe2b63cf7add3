"""What options of generation may be, how layers of them go together, and what they ask for."""

import pytest

import tftransformer as tt
from tftransformer.tasks.generation import generation_of
from tftransformer.tasks.generation_options import folder_options, together


def test_the_first_layer_of_options_has_the_last_word():
    found = together({"max_new_tokens": 3}, {"max_length": 9, "num_beams": 2}, {"num_beams": 5})
    assert found == {"max_new_tokens": 3, "num_beams": 2}
    how = generation_of({"num_beams": 2, "early_stopping": True}, tt.Greedy(), 1)
    assert how.strategy == tt.BeamSearch(
        2, length_penalty=tt.decoding.PowerLengthPenalty(1.0), early_stopping=True
    )
    assert generation_of({"num_beams": 1}, tt.BeamSearch(), 1).strategy == tt.Greedy()
    assert generation_of({}, tt.BeamSearch(3), 1).strategy == tt.BeamSearch(3)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("num_beams", [0, "4", 2.5, True]),
        ("max_length", ["a", 0]),
        ("min_new_tokens", [-1, "a"]),
        ("no_repeat_ngram_size", [-1, 1.5]),
        ("length_penalty", ["x", float("nan")]),
        ("repetition_penalty", ["x"]),
        ("temperature", ["x"]),
        ("do_sample", ["yes"]),
        ("forced_eos_token_id", [[1, 2], -1]),
        ("suppress_tokens", [5, ["a"]]),
        ("bad_words_ids", [5, [5], [["a"]], [[]]]),
        ("stop", [5, [1], [""], b"a", "\ud800"]),
    ],
)
def test_a_value_that_an_option_cannot_have_is_refused_by_its_name(name, values):
    of_processors = {"bad_words_ids": "words"}
    for value in values:
        with pytest.raises(ValueError, match=rf"{name}=|{of_processors.get(name, name)}="):
            generation_of({name: value}, tt.Greedy(), 1)
    with pytest.raises(ValueError, match="options=5"):
        together({}, 5)


def test_options_of_drawing_are_those_of_sampling_and_idle_ones_do_nothing():
    idle = {"top_k": 0, "top_p": 1.0, "min_p": 0, "typical_p": 1, "epsilon_cutoff": 0.0}
    drawn = {"do_sample": True, "eta_cutoff": 0.0, "temperature": 0.5}
    assert generation_of({**idle, **drawn}, tt.Greedy(), 1).strategy == tt.Sampling(0.5)
    cuts = {"min_p": 0.1, "typical_p": 0.9, "epsilon_cutoff": 0.01, "eta_cutoff": 0.02}
    found = generation_of({"do_sample": True, **cuts}, tt.Greedy(), 1).strategy
    assert found == tt.Sampling(**cuts)


def test_a_penalty_of_likeness_asks_for_contrastive_search():
    search = generation_of({"penalty_alpha": 0.5}, tt.Greedy(), 1).strategy
    assert search == tt.ContrastiveSearch(4, 0.5)
    search = generation_of({"penalty_alpha": 0.5, "top_k": 6}, tt.Greedy(), 1).strategy
    assert search == tt.ContrastiveSearch(6, 0.5)


def test_what_a_folder_asks_for_and_is_not_there_is_named(tmp_path):
    (tmp_path / "config.json").write_text(
        '{"task_specific_params": {"text-generation": {"do_sample": true, "max_length": 50}}}'
    )
    (tmp_path / "generation_config.json").write_text('{"num_beams": 2, "eos_token_id": 3}')
    options, prefix = folder_options(tmp_path, "text-generation")
    assert (options, prefix) == ({"max_length": 50, "num_beams": 2}, "")
    (tmp_path / "generation_config.json").write_text('{"guidance_scale": 2.5}')
    with pytest.raises(ValueError, match=r"guidance_scale=2\.5"):
        folder_options(tmp_path, "any")
