"""Texts printed as they come, in a process of its own."""

import subprocess
import sys

import pytest

import tftransformer as tt


@pytest.mark.slow
def test_a_writer_prints_its_text_as_it_comes(tmp_path):
    texts = ["the dog sleeps", "the cat sleeps", "the dog eats", "the cat eats"] * 9
    write = tt.TextGenerator({"num_layers": 1, "d_model": 16}, vocab_size=40, max_length=32)
    write.fit(texts, epochs=1, validation=0, verbose=0).save(tmp_path)
    prompts = ["the dog", "the cat"]
    command = [sys.executable, "-m", "tftransformer", "predict", "--model", tmp_path, "--stream"]
    asked = "\n".join(prompts) + "\n"
    run = subprocess.run(command, input=asked, capture_output=True, text=True, check=True)
    assert run.stdout == "".join(answer["generated_text"] + "\n" for answer in write(prompts))
