"""generation_config.json, which says of a model that was written how its texts are generated."""

import json

import pytest

import tftransformer as tt
from tftransformer.tasks.folder import read_task, write_task
from tftransformer.tasks.generation_options import folder_options, start_of_targets

SIZES = {"num_layers": 1, "d_model": 16, "num_heads": 2, "dff": 16}


def bart(**options):
    return tt.Bart(vocab_size=20, num_positions=8, **SIZES, **options)


def said_in(folder):
    return json.loads((folder / "generation_config.json").read_text())


def test_a_model_of_ones_own_says_its_ids_so_that_transformers_assumes_none(tmp_path):
    tt.save_pretrained(bart(pad_id=0, start_id=4, end_id=3), tmp_path)
    ids = {"decoder_start_token_id": 4, "eos_token_id": 3, "pad_token_id": 0}
    assert said_in(tmp_path) == ids
    assert folder_options(tmp_path, "any", 20)[0] == {"eos_token_id": [3]}  # no end is forced
    assert start_of_targets(tmp_path, 20) == 4
    tt.save_pretrained(bart(), tmp_path, config={"num_beams": 2, "bos_token_id": 5})
    assert (said_in(tmp_path)["num_beams"], said_in(tmp_path)["bos_token_id"]) == (2, 5)
    for heads in ((), {"sequence_classification": {"labels": 2}}):
        tt.save_pretrained(bart(heads=heads), tmp_path / str(len(heads)))
        assert not (tmp_path / str(len(heads)) / "generation_config.json").exists()


@pytest.mark.parametrize("through_a_task", [False, True])
@pytest.mark.parametrize("has_file", [False, True])
def test_what_a_folder_or_a_person_said_stays_said(tmp_path, has_file, through_a_task):
    first, second = tmp_path / "first", tmp_path / "second"
    of_task = {"summarization": {"num_beams": 5, "max_length": 7}}
    config = {"num_beams": 3, "forced_bos_token_id": 6, "task_specific_params": of_task}
    tt.save_pretrained(bart(), first, config=config)
    told = {"num_beams": 4, "eos_token_id": [2, 7], "no_repeat_ngram_size": 3}
    (first / "generation_config.json").unlink()
    if has_file:
        (first / "generation_config.json").write_text(json.dumps(told))
    model = tt.from_pretrained(first)
    if through_a_task:
        write_task(tmp_path / "task", "writer", model, {}, {}, card="")
        model, _, _ = read_task(tmp_path / "task", "writer", {})
    tt.save_pretrained(model, second)
    (first_said, *_), (second_said, *_) = (
        folder_options(folder, "any", 20) for folder in (first, second)
    )
    assert first_said == second_said
    assert first_said["num_beams"] == (4 if has_file else 3)
    assert ("forced_eos_token_id" in second_said) != has_file  # assumed of a config alone
    tt.save_pretrained(model, second, generation={"num_beams": 2, "max_new_tokens": 9})
    found = folder_options(second, "any", 20)[0]
    assert found == {**first_said, "num_beams": 2, "max_new_tokens": 9}
    assert folder_options(second, "summarization", 20)[0] == found  # before those of a task, too


def test_options_that_transformers_does_not_know_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"generation has 'seed', which .* does not know"):
        tt.save_pretrained(bart(), tmp_path / "new", generation={"seed": 3})
    assert not (tmp_path / "new").exists()


def test_a_model_that_writes_nothing_leaves_no_options_of_an_older_one(tmp_path):
    tt.save_pretrained(bart(), tmp_path)
    tt.save_pretrained(bart(heads={"sequence_classification": {"labels": 2}}), tmp_path)
    assert not (tmp_path / "generation_config.json").exists()
