"""A model of `transformers` on PyTorch in a process of its own: the peer that families.py drives.

Reads one JSON line that says which model, answers with its number of weights, and then runs one
batch for each line of ids it is sent. Needs torch and transformers, and neither TensorFlow nor
this package, so that the two may live in different environments.
"""

import json
import os
import sys

import torch
import transformers

MODELS = {
    "bert": lambda s: transformers.BertModel(bert_config(transformers.BertConfig, s)),
    "roberta": lambda s: transformers.RobertaModel(
        bert_config(transformers.RobertaConfig, s, max_position_embeddings=514, type_vocab_size=1),
        add_pooling_layer=False,
    ),
    "gpt2": lambda s: transformers.GPT2Model(
        transformers.GPT2Config(
            vocab_size=s["vocab_size"],
            n_layer=s["num_layers"],
            n_embd=s["d_model"],
            n_head=s["num_heads"],
            n_inner=s["dff"],
            use_cache=False,
        )
    ),
    "t5": lambda s: transformers.T5Model(
        transformers.T5Config(
            vocab_size=s["vocab_size"],
            num_layers=s["num_layers"],
            d_model=s["d_model"],
            num_heads=s["num_heads"],
            d_kv=s["d_model"] // s["num_heads"],
            d_ff=s["dff"],
            use_cache=False,
        )
    ),
    "xlnet": lambda s: transformers.XLNetModel(
        transformers.XLNetConfig(
            vocab_size=s["vocab_size"],
            n_layer=s["num_layers"],
            d_model=s["d_model"],
            n_head=s["num_heads"],
            d_inner=s["dff"],
        )
    ),
    "xlm": lambda s: transformers.XLMModel(
        transformers.XLMConfig(
            vocab_size=s["vocab_size"],
            n_layers=s["num_layers"],
            emb_dim=s["d_model"],
            n_heads=s["num_heads"],
        )
    ),
}


def main():
    answers = os.fdopen(os.dup(1), "w")  # what libraries print must not pass for an answer
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    model = MODELS[order["family"]](order["size"]).eval()
    print(sum(weight.numel() for weight in model.parameters()), file=answers, flush=True)
    for line in sys.stdin:
        ids = torch.tensor(json.loads(line))
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if order["family"] == "t5":
            inputs["decoder_input_ids"] = ids
        with torch.inference_mode():
            model(**inputs)
        print("done", file=answers, flush=True)


def bert_config(kind: type, size: dict, **given):
    """The config of BERT and RoBERTa."""
    return kind(
        vocab_size=size["vocab_size"],
        num_hidden_layers=size["num_layers"],
        hidden_size=size["d_model"],
        num_attention_heads=size["num_heads"],
        intermediate_size=size["dff"],
        **given,
    )


if __name__ == "__main__":
    main()
