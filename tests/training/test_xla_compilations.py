"""XLA compiles a step once, whatever stands in the batches and in the weights."""

import os
import re
import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np, tensorflow as tf, tftransformer as tt

class Grouped(tt.StackModel):
    def __init__(self):
        super().__init__()
        embeddings = tt.TokenEmbeddings(50, 8)
        self.stack = tt.Encoder(
            2, 8, 4, 16, mask=tt.CausalMask() & tt.PaddingMask(), embeddings=embeddings, norm="pre",
            num_key_value_heads=2, dropout=0.1, attention_dropout=0.1,
        )
        self.make_heads({"lm": tt.LanguageModelHead(50, tied_to=embeddings.table)}, {})
        self.build()

ids = np.random.default_rng(0).integers(4, 50, (3, 2, 9)).astype("int32")
batches = tf.data.Dataset.from_tensor_slices((ids[..., :-1], ids[..., 1:], np.ones((3, 2, 8), "f")))
for model in (tt.Gpt2(50, 2, 8, num_heads=2, dff=16), Grouped()):
    model = model.only("lm")
    tt.Trainer(model, batches, optimizer="adam", jit_compile=True, precision="float32").train()
"""


@pytest.mark.slow
def test_xla_compiles_the_steps_of_an_epoch_once():
    logged = {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_CPP_VMODULE": "device_compiler=1"}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        command, env=os.environ | logged, capture_output=True, text=True, check=True
    )
    assert len(re.findall(r"XLA executable time.*#called:", done.stderr)) == 2  # models
