"""What options of generation may be, how layers of them go together, and what they ask for."""

import json

import pytest

import tftransformer as tt
from tftransformer.pretrained.entries import GENERATION, SAID_THERE
from tftransformer.tasks.generation import generation_of, options_of
from tftransformer.tasks.generation_options import folder_options, start_of_targets, together


def test_the_first_layer_of_options_has_the_last_word():
    found = together({"max_new_tokens": 3}, {"max_length": 9, "num_beams": 2}, {"num_beams": 5})
    assert found == {"max_new_tokens": 3, "num_beams": 2}
    found = together({"do_sample": True}, {"num_beams": 4, "num_return_sequences": 2, "top_k": 3})
    assert generation_of(found, tt.Greedy(), 1).strategy == tt.Sampling(top_k=3)
    found = together({"penalty_alpha": 0.5}, {"num_beams": 4})
    assert generation_of(found, tt.Greedy(), 1).strategy == tt.ContrastiveSearch(4, 0.5)
    found = together({"num_return_sequences": 3}, {"do_sample": True, "seed": 5})
    assert generation_of(found, tt.Greedy(), 1).strategy == tt.Sampling(seed=5, num_return=3)
    found = generation_of({"num_return_sequences": 3}, tt.Sampling(0.5), 1).strategy
    assert found == tt.Sampling(0.5, num_return=3)
    with pytest.raises(ValueError, match=r"num_return_sequences=3 needs .* do_sample=True"):
        generation_of({"num_return_sequences": 3}, tt.Greedy(), 1)
    with pytest.raises(ValueError, match="num_return_sequences=3 and penalty_alpha"):
        generation_of({"num_return_sequences": 3, "penalty_alpha": 0.5}, tt.Greedy(), 1)
    with pytest.raises(ValueError, match="num_beams=2 and do_sample=True"):
        generation_of(together({"do_sample": True, "num_beams": 2}), tt.Greedy(), 1)
    how = generation_of({"num_beams": 2, "early_stopping": True}, tt.Greedy(), 1)
    assert how.strategy == tt.BeamSearch(
        2, length_penalty=tt.decoding.PowerLengthPenalty(1.0), early_stopping=True
    )
    assert generation_of({"num_beams": 1}, tt.BeamSearch(), 1).strategy == tt.Greedy()
    assert generation_of({}, tt.BeamSearch(3), 1).strategy == tt.BeamSearch(3)


def test_a_folders_fewest_tokens_yield_to_the_most_of_a_person_whose_own_must_agree():
    folder = {"min_length": 56, "max_length": 142}
    assert together({"max_new_tokens": 20}, folder) == {"max_new_tokens": 20}
    assert together({"max_length": 20}, folder) == {"max_length": 20}
    assert together({"max_new_tokens": 60}, folder) == {"min_length": 56, "max_new_tokens": 60}
    fewest = together({"min_new_tokens": 3}, folder)
    assert fewest == {"min_new_tokens": 3, "max_length": 142}
    assert together({"min_length": 3}, fewest) == {"min_length": 3, "max_length": 142}
    both = {"min_new_tokens": 3, "min_length": 9, "max_length": 8}
    assert generation_of(both, tt.Greedy(), 1).processors == (tt.decoding.MinNewTokens(3, 1),)
    for fewest, most in [
        ("new_tokens", "new_tokens"),
        ("length", "length"),
        ("new_tokens", "length"),
    ]:
        options = {f"min_{fewest}": 4, f"max_{most}": 3}
        with pytest.raises(ValueError, match=f"min_{fewest}=4 and max_{most}=3: the fewest"):
            generation_of(options, tt.Greedy(), 1)
        generation_of({**options, f"max_{most}": 4}, tt.Greedy(), 1)


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
        ("suppress_tokens", [5, ["a"], [-1]]),
        ("eos_token_id", [-1, "a", [], [1, "a"]]),
        ("bad_words_ids", [5, [5], [["a"]], [[]], [[5, -1]]]),
        ("stop", [5, [1], [""], b"a", "\ud800"]),
    ],
)
def test_a_value_that_an_option_cannot_have_is_refused_by_its_name(name, values):
    for value in values:
        with pytest.raises(ValueError, match=rf"^{name}="):
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
        '{"model_type": "openai-gpt", "task_specific_params": '
        '{"text-generation": '
        '{"do_sample": true, "num_return_sequences": 3, "max_length": 50}}}'
    )
    (tmp_path / "generation_config.json").write_text('{"num_beams": 2, "pad_token_id": 3}')
    options, prefix = folder_options(tmp_path, "text-generation", 9)
    assert (options, prefix) == ({"max_length": 50, "num_beams": 2}, "")
    (tmp_path / "generation_config.json").write_text('{"guidance_scale": 2.5}')
    with pytest.raises(ValueError, match=r"guidance_scale=2\.5"):
        folder_options(tmp_path, "any", 9)


@pytest.mark.parametrize(("said", "ends"), [(3, [3]), ([4, 3, 99], [4, 3]), (99, None), (-1, None)])
@pytest.mark.parametrize("file", ["config.json", "generation_config.json"])
def test_a_folder_says_what_ends_texts_where_the_vocabulary_has_it(tmp_path, file, said, ends):
    ends_of = {"config.json": "null", file: str(said)}
    for name, end in ends_of.items():
        kind = '"model_type": "gpt2", ' if name == "config.json" else ""
        (tmp_path / name).write_text(f'{{{kind}"eos_token_id": {end}}}')
    assert folder_options(tmp_path, "any", 9)[0].get("eos_token_id") == ends


# What `AutoModel….from_pretrained(folder).generation_config` of transformers 4.57 says of these.
@pytest.mark.parametrize(
    ("config", "start", "options"),
    [
        ({"model_type": "bart"}, 2, {"eos_token_id": [2], "forced_eos_token_id": 2}),
        (
            {"model_type": "bart", "force_bos_token_to_be_generated": True, "bos_token_id": 7},
            2,
            {"eos_token_id": [2], "forced_eos_token_id": 2, "forced_bos_token_id": 7},
        ),
        ({"model_type": "bart", "forced_eos_token_id": None}, 2, {"eos_token_id": [2]}),
        ({"model_type": "bart", "decoder_start_token_id": None}, 0, None),
        ({"model_type": "marian"}, 58100, {"eos_token_id": [0], "forced_eos_token_id": 0}),
        ({"model_type": "t5"}, 0, {"eos_token_id": [1]}),
        ({"model_type": "gpt2"}, None, {"eos_token_id": [50256]}),
        ({"model_type": "openai-gpt"}, None, {}),
        ({"model_type": "roberta"}, None, {"eos_token_id": [2]}),
    ],
)
def test_what_a_config_does_not_say_of_texts_is_what_transformers_assumes(
    tmp_path, config, start, options
):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert start_of_targets(tmp_path, 58101) == start
    found = folder_options(tmp_path, "any", 58101)[0]
    assert options in (None, found)
    # A generation_config.json is all that is said, but for what targets begin with.
    (tmp_path / "generation_config.json").write_text('{"bos_token_id": 5}')
    assert start_of_targets(tmp_path, 58101) == 5
    assert folder_options(tmp_path, "any", 58101)[0] == {}


def test_a_start_without_a_piece_is_none(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "marian"}')
    assert start_of_targets(tmp_path, 99) is None


def test_a_way_to_generate_that_is_not_there_is_refused_in_either_file(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "t5", "diversity_penalty": 0.5}')
    with pytest.raises(ValueError, match=r"diversity_penalty=0\.5"):
        folder_options(tmp_path, "any", 9)


def test_ends_are_those_of_an_option_or_the_tokenizer_and_bad_words_ban_none_of_them():
    assert generation_of({}, tt.Greedy(), 1).end_ids == (1,)
    assert generation_of({}, tt.Greedy(), -1).end_ids == (-1,)
    options = {"min_length": 2, "bad_words_ids": [[4], [3, 4], [5]], "eos_token_id": [3, 4]}
    how = generation_of(options, tt.Greedy(), 1)
    assert how.end_ids == (3, 4)
    bans = tt.decoding.BadWords([[3, 4], [5]]), tt.decoding.MinLength(2, [3, 4])
    assert how.processors == bans


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_beams": 3, "length_penalty": 0.7, "early_stopping": True, "max_length": 9},
        {"num_beams": 4, "num_return_sequences": 2, "early_stopping": "never"},
        {"do_sample": True, "temperature": 0.7, "top_p": 0.9, "max_new_tokens": 5},
        {"do_sample": True, "num_return_sequences": 3},
        {"penalty_alpha": 0.5, "top_k": 3, "repetition_penalty": 1.2},
        {
            "no_repeat_ngram_size": 2,
            "bad_words_ids": [[5, 6]],
            "suppress_tokens": [7],
            "min_length": 3,
            "min_new_tokens": 2,
            "renormalize_logits": True,
            "eos_token_id": [3, 4],
            "forced_bos_token_id": 8,
            "forced_eos_token_id": 3,
        },
    ],
)
def test_options_are_found_again_in_what_they_mean(options):
    how = generation_of(options, tt.Greedy(), -1)
    found = options_of(how)
    assert generation_of(together(found), tt.Greedy(), -1) == how
    assert found.keys() <= GENERATION | SAID_THERE


@pytest.mark.parametrize(
    ("options", "lost"),
    [
        ({"stop": "x"}, "stop"),
        ({"do_sample": True, "seed": 3}, "strategy=Sampling"),
        ({"num_beams": 2}, "strategy=BeamSearch.*WuLengthPenalty"),
    ],
)
def test_what_generation_config_has_no_words_for_is_named(options, lost):
    how = generation_of(options, tt.BeamSearch() if "num_beams" in options else tt.Greedy(), 3)
    with pytest.raises(ValueError, match=f"cannot express {lost}"):
        options_of(how)
    banned = generation_of({}, tt.Greedy(), 3).with_processors([tt.decoding.TopK(2)])
    with pytest.raises(ValueError, match="cannot express processors"):
        options_of(banned)
