"""Texts printed as they come."""

import pytest
from test_cli import run

import tftransformer as tt


@pytest.mark.slow
def test_a_writer_prints_its_text_as_it_comes(tmp_path):
    texts = ["the dog sleeps", "the cat sleeps", "the dog eats", "the cat eats"] * 9
    write = tt.TextGenerator({"num_layers": 1, "d_model": 16}, vocab_size=40, max_length=32)
    write.fit(texts, epochs=1, validation=0, verbose=0).save(tmp_path)
    prompts = ["the dog", "the cat"]
    _, out, _ = run("predict", "--model", tmp_path, "--stream", text="\n".join(prompts) + "\n")
    assert out == "".join(answer["generated_text"] + "\n" for answer in write(prompts))
