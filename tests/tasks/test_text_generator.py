"""TextGenerator: prompts in, what is new out; what users file elsewhere."""

import re

import bare_process
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from noise_writers import POSITIONS, PROMPTS, TEXTS, texts, writer_of_bytes

import tftransformer as tt


@pytest.mark.slow
def test_several_texts_of_a_prompt_are_those_of_the_beams_best_first(write):
    options = {"num_beams": 3, "max_new_tokens": 4}
    found = write.n_best(PROMPTS[:2], num_return_sequences=3, **options)
    for answer, several in zip(write(PROMPTS[:2], **options), found, strict=True):
        assert len({each.text for each in several}) == 3
        assert several == sorted(several, key=lambda each: -each.score)
        assert several[0].text == answer["generated_text"]
        assert several[0].score == pytest.approx(answer["score"], rel=1e-5)
    with pytest.raises(ValueError, match="a call gives one answer"):
        write(PROMPTS[:2], num_return_sequences=3, **options)


@pytest.mark.slow
def test_several_draws_of_a_prompt_begin_with_that_of_a_call(write, tmp_path):
    options = {"do_sample": True, "seed": 4, "max_new_tokens": 9}
    found = write.n_best(PROMPTS, num_return_sequences=3, **options)
    for answer, several in zip(write(PROMPTS, **options), found, strict=True):
        assert several[0].text == answer["generated_text"]
        assert several[0].score == pytest.approx(answer["score"], rel=1e-5)
    assert len({each.text for several in found for each in several}) > 15
    several = {**options, "num_return_sequences": 3}
    told = tt.TextGenerator(write.model, tokenizer=write.tokenizer, options=several, batch_size=2)
    assert [[x.text for x in each] for each in told.n_best(PROMPTS)] == [
        [x.text for x in each] for each in found
    ]
    served = tf.saved_model.load(str(told.export(tmp_path / "served"))).signatures["n_best"]
    n_best = served(prompts=tf.constant(PROMPTS))["generated_text"].numpy().tolist()
    assert n_best == [[each.text.encode() for each in several] for several in found]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_beams": 3},
        {"do_sample": True, "top_k": 9, "seed": 4},
        {"penalty_alpha": 0.6, "top_k": 3},
    ],
    ids=["greedy", "beams", "drawn", "contrastive"],
)
@pytest.mark.slow
def test_prompts_of_different_lengths_equal_one_by_one(write, options):
    found = write(PROMPTS, max_new_tokens=9, **options)
    assert len(set(texts(found))) > 3
    if "seed" not in options:  # a draw is of its row
        for prompt, answer in zip(PROMPTS, found, strict=True):
            alone = write(prompt, max_new_tokens=9, **options)
            assert (alone["generated_text"], alone["finished"]) == (
                answer["generated_text"],
                answer["finished"],
            )
            assert alone["score"] == pytest.approx(answer["score"], abs=1e-4)
    assert write(PROMPTS, max_new_tokens=9, **options) == found  # the same each time


@pytest.mark.slow
def test_after_a_warm_up_a_call_without_options_makes_no_graph(tokenizer, write):
    fresh = tt.TextGenerator(write.model, tokenizer=tokenizer, options={"max_new_tokens": 3})
    module = fresh.warm_up().module
    fresh(PROMPTS[:2])
    assert fresh.module is module
    assert module.compute.experimental_get_tracing_count() == 1


@pytest.mark.slow
def test_what_is_drawn_follows_the_seed_alone(write):
    drawn = {"do_sample": True, "max_new_tokens": 12, "temperature": 1.5}
    first = texts(write(PROMPTS, seed=1, **drawn))
    assert texts(write(PROMPTS, seed=1, **drawn)) == first
    assert texts(write(PROMPTS, seed=2, **drawn)) != first
    graphs = len(write._made[1])
    third = texts(write(PROMPTS, seed=3, **drawn))
    assert len(write._made[1]) == graphs  # one for all seeds
    default = tt.TextGenerator(
        write.model_, tokenizer=write.data_.tokenizers[0], options={**drawn, "seed": 3}
    )
    assert texts(default(PROMPTS)) == third
    assert "".join(write.stream(PROMPTS[0], seed=3, **drawn)) == third[0]


@pytest.mark.slow
def test_the_prompt_stands_in_a_key_of_its_own_and_names_of_special_tokens_are_text(write):
    prompt = "<s> [MASK] </s><pad>"
    answer = write(prompt, max_new_tokens=5)
    assert answer.keys() == {"generated_text", "prompt", "score", "finished"}
    assert answer["prompt"] == prompt
    ids = write.graph().encode(np.array([prompt]))[0]["token_ids"].numpy()[0].tolist()
    special = write.data_.tokenizers[0].special_ids
    assert ids.count(special["start"]) == 1
    assert ids[0] == special["start"]
    assert special["end"] not in ids
    assert not answer["generated_text"].startswith(prompt)


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"num_beams": 3}], ids=["greedy", "beams"])
def test_what_all_prompts_begin_with_is_computed_once(write, monkeypatch, options):
    beginning = "Do you know who she is, or do you know "
    prompts = [beginning + end for end in ("I", "the old dog", "a", "we", "who", "they") * 3]
    options = {"max_new_tokens": 4, **options}
    alone = [write(prompt, **options) for prompt in prompts[:6]] * 3
    embeddings, counted = write.model_.stack.embeddings, []
    run = type(embeddings).call

    def counting(self, ids, *args, **kwargs):
        counted.append(tuple(ids.shape))
        return run(self, ids, *args, **kwargs)

    monkeypatch.setattr(type(embeddings), "call", counting)
    tf.config.run_functions_eagerly(True)
    try:
        found = write(prompts, **options)
    finally:
        tf.config.run_functions_eagerly(False)
    assert [answer["generated_text"] for answer in found] == texts(alone)
    for one, other in zip(found, alone, strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=1e-4)
    graph = write.graph(max_new_tokens=4)
    lengths = np.sum(graph.encode(prompts)[0]["padding_mask"], axis=1)
    shared = len(graph.beginning(prompts))
    assert counted[0] == (1, shared)
    assert max(width for _, width in counted[1:]) == lengths.max() - shared
    assert shared > 20


@pytest.mark.slow
def test_the_limit_is_told_by_finished(write):
    short, long = (write(PROMPTS, max_new_tokens=n, min_new_tokens=n - 1) for n in (3, 20))
    assert not all(answer["finished"] for answer in short)
    for one, other in zip(texts(short), texts(long), strict=True):
        assert other.startswith(one) or not one.isprintable()
    # A length of all together is a limit of each prompt's own.
    limited = write(PROMPTS, max_length=12, min_length=12)
    tokens = [len(row) for row in write.data_.tokenizers[0].encode(PROMPTS).ids.tolist()]
    alone = write(PROMPTS[0], max_new_tokens=12 - tokens[0] - 1, min_length=12)
    assert limited[0] == {**alone, "score": pytest.approx(alone["score"], abs=1e-5)}


@pytest.mark.slow
def test_an_end_that_a_limit_forces_is_behind_each_text_and_finishes_none(write):
    end = write.data_.tokenizers[0].special_ids["end"]
    free = write(PROMPTS, max_new_tokens=3)
    found = write(PROMPTS, max_new_tokens=4, forced_eos_token_id=end)
    assert [(x["generated_text"], x["finished"]) for x in found] == [
        (x["generated_text"], x["finished"]) for x in free
    ]
    assert not all(answer["finished"] for answer in free)


@pytest.mark.slow
def test_a_text_ends_at_any_token_that_a_person_names(write, tokenizer):
    ends = [i for i in range(tokenizer.vocab_size) if i != tokenizer.special_ids["end"]]
    found = write(PROMPTS, max_new_tokens=3, eos_token_id=ends)
    assert all(answer["finished"] for answer in found)


@pytest.mark.slow
def test_padding_with_the_id_of_the_end_finishes_nothing():
    write = writer_of_bytes([], dict.fromkeys(("pad", "start", "end"), 256), ["<end>"])
    found = write(["The old dog", "A"], max_length=14)
    assert [answer["finished"] for answer in found] == [False, False]


@pytest.mark.slow
def test_a_prompt_that_is_too_long_loses_its_beginning_and_that_is_told(write):
    prompt = "the dog " * 60
    told = rf"1 of 2 texts .* than {POSITIONS - 5} tokens, which the model's {POSITIONS} positions"
    with pytest.warns(UserWarning, match=f"{told} leave beside max_new_tokens=6, .* their ends"):
        found = write([prompt, "A"], max_new_tokens=6)
    shorter = tt.TextGenerator(write.model, tokenizer=write.tokenizer, max_length=40)
    told = "more than 35 tokens, which max_length=40 leaves beside max_new_tokens=6"
    with pytest.warns(UserWarning, match=told):
        shorter(prompt, max_new_tokens=6)
    assert found[0] == {**found[0], "prompt": prompt}
    with pytest.raises(ValueError, match=r"leaves no room .* room for (\d+)\.") as error:
        write("A", max_new_tokens=500)
    fits = int(re.search(r"for (\d+)\.", str(error.value))[1])
    write("A", max_new_tokens=fits)
    with pytest.raises(ValueError, match="leaves no room"):
        write("A", max_new_tokens=fits + 1)


@pytest.mark.slow
def test_the_container_is_that_of_the_prompts(write):
    short = {"max_new_tokens": 3}
    alone, several = write("A", **short), write(["A", "The old dog"], **short)
    assert several[0] == pytest.approx(alone)
    series = pd.Series(["A", "The old dog"], index=[7, 3])
    frame = write(series, **short)
    assert frame.index.tolist() == [7, 3]
    assert frame["generated_text"].tolist() == texts(several)
    assert write.predict(["A"]) == [write("A")["generated_text"]]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"stop": ["e"]}, {"penalty_alpha": 0.6}], ids=str)
def test_an_export_writes_the_same_in_a_process_that_has_tensorflow_alone(write, tmp_path, options):
    write.set_params(options={"max_new_tokens": 8, **options})
    try:
        expected = write(PROMPTS)
        write.export(tmp_path / "export")
        write.save(tmp_path / "saved")
    finally:
        write.set_params(options=None)
    path = str(tmp_path / "export")
    for found in bare_process.served({path: {"prompts": PROMPTS}})[path]:
        assert found["generated_text"] == texts(expected)
        assert found["finished"] == [answer["finished"] for answer in expected]
        scores = found["score"]
        np.testing.assert_allclose(scores, [answer["score"] for answer in expected], rtol=1e-4)
    loaded = tt.TextGenerator.load(tmp_path / "saved")
    assert loaded(PROMPTS) == expected
    assert tt.TextGenerator(str(tmp_path / "saved"))("A", max_new_tokens=4)["prompt"] == "A"


@pytest.mark.slow
def test_it_learns_from_texts_and_foresees_better_than_before():
    write = tt.TextGenerator(
        {"num_layers": 1, "d_model": 32, "num_heads": 2}, vocab_size=200, max_length=40
    )
    frame = pd.DataFrame({"english": TEXTS})
    write.fit(frame, text="english", epochs=12, validation=0.1, verbose=0)
    assert write.history_["val_loss"][-1] < write.history_["val_loss"][0] - 0.3
    scores = write.evaluate(frame.tail(20))
    assert scores["rows"] == 20
    assert scores["perplexity"] == pytest.approx(np.exp(scores["loss"]))
    assert 0 < scores["nats_per_character"] < np.log(60)
    assert 0 < scores["counting"]["nats_per_character"] < np.log(60)
    assert write.score(TEXTS[:5]) < 0
    # One text, of which the end is held out; windows foresee each token once.
    write.fit("\n".join(TEXTS), epochs=1, verbose=0)
    ids = write.data_.tokenizers[0].encode(["\n".join(TEXTS[:9])]).ids
    assert write.evaluate("\n".join(TEXTS[:9]))["tokens"] == ids.lengths[0] + 1
