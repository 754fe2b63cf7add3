"""TextGenerator: stop strings, and texts that come piece by piece."""

import numpy as np
import pytest
from noise_writers import PROMPTS

import tftransformer as tt


@pytest.mark.slow
def test_a_text_ends_before_the_first_stop_string(write):
    whole = [answer["generated_text"] for answer in write(PROMPTS, max_new_tokens=20)]
    letters = sorted({letter for text in whole for letter in text if letter.isalpha()})[:3]
    stops = [letters[0], letters[1] + letters[2], "."]
    for answer, text in zip(write(PROMPTS, max_new_tokens=20, stop=stops), whole, strict=True):
        places = [text.find(stop) for stop in stops if stop in text]
        if places:
            assert answer["generated_text"] == text[: min(places)]
            assert answer["finished"]
        else:
            assert answer["generated_text"] == text


@pytest.mark.slow
def test_no_token_is_computed_behind_a_stop_string(write):
    stop = write("The old dog", max_new_tokens=20)["generated_text"][4:7]  # across tokens
    how = write.generation({"max_new_tokens": 20, "stop": [stop]})
    (found,) = write.compute([["The old dog"]], lambda rows: [rows], generation=how)
    length, ids = found["lengths"][0, 0], found["ids"][0, 0]
    assert length < 20
    decode = write.data_.tokenizers[0].decode
    before, text = decode([ids[: length - 1], ids[:length]], continues=True)
    assert stop in text
    assert stop not in before
    assert found["finished"][0, 0]
    assert text.startswith(found["generated_text"][0, 0].decode() + stop)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"do_sample": True, "seed": 5, "min_p": 0.01},
        {"penalty_alpha": 0.6, "top_k": 3},
        {"stop": ["e", "a n", " "]},
        {"penalty_alpha": 0.6, "top_k": 3, "stop": ["e", "a n", " "]},
    ],
    ids=["greedy", "drawn", "contrastive", "stopped", "contrastive and stopped"],
)
def test_what_is_streamed_is_the_text_piece_by_piece(write, write_bytes, options):
    for writer in (write, write_bytes):  # bytes that are no characters are among the noise
        for prompt in PROMPTS:
            pieces = list(writer.stream(prompt, max_new_tokens=20, **options))
            answer = writer(prompt, max_new_tokens=20, **options)
            assert "".join(pieces) == answer["generated_text"]
            assert all(pieces)
            assert len(pieces) > 3 or "stop" in options
            assert not any(stop in piece for piece in pieces for stop in options.get("stop", ()))


@pytest.mark.slow
def test_a_stream_comes_token_by_token_and_never_in_parts_of_characters(write_bytes, monkeypatch):
    bytes_of_text, taken = "a€ö!".encode(), []
    tokens = [write_bytes.data_.tokenizers[0].surfaces.index(bytes([x])) for x in bytes_of_text]

    def stream(self, *args, **options):
        for token in tokens:
            taken.append(token)
            yield np.array([token])

    monkeypatch.setattr(tt.Greedy, "stream", stream)
    found = [(piece, len(taken)) for piece in write_bytes.stream("A")]
    assert found == [("a", 1), ("€", 4), ("ö", 6), ("!", 7)]
    taken.clear()
    found = [(piece, len(taken)) for piece in write_bytes.stream("A", stop=["€ä", "ö?"])]
    assert found == [("a", 1), ("€", 6), ("ö!", 7)]


def test_a_stream_is_of_one_prompt_and_takes_nothing_back(write):
    with pytest.raises(ValueError, match="num_beams=1"):
        write.stream("A", num_beams=2)
    with pytest.raises(ValueError, match=r"num_return_sequences=2 .* a stream is of one text"):
        write.stream("A", do_sample=True, num_return_sequences=2)
    with pytest.raises(TypeError, match="one prompt"):
        write.stream(["A"])
    with pytest.raises(TypeError, match="'colour' is no option"):
        write.stream("A", colour=1)
