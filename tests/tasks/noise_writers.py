"""TextGenerators of random weights, which write noise: each prompt and option gives other text."""

import keras
import numpy as np

import tftransformer as tt
from tftransformer.models import Gpt2
from tftransformer.text import ByteBpeTokenizer
from tftransformer.text.byte_bpe_tokenizer import LETTERS

TEXTS = tt.everyday_corpus(size=300).train["en"].tolist()
PROMPTS = ["The old dog", "A", "Do you know who she is, or", "<s> [MASK] </s>", "Weiß", ""]
POSITIONS = 48


def writer_of_noise(tokenizer):
    keras.utils.set_random_seed(3)
    sizes = {"num_layers": 1, "d_model": 16, "num_heads": 2, "num_positions": POSITIONS}
    ids = {"pad_id": tokenizer.special_ids["pad"], "end_id": tokenizer.special_ids["end"]}
    model = Gpt2(tokenizer.vocab_size, **sizes, **ids)
    random = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 2:
            weight.assign(random.normal(size=weight.shape, scale=0.7))
    write = tt.TextGenerator(model, tokenizer=tokenizer, batch_size=3)
    write.fitted()  # each test may ask for what it has found
    return write


def writer_of_bytes(merges, special_ids, pieces):
    """A writer whose pieces are bytes, merges of them and the special tokens behind."""
    return writer_of_noise(ByteBpeTokenizer([*LETTERS, *pieces], merges, special_ids=special_ids))


def texts(answers):
    return [answer["generated_text"] for answer in answers]
