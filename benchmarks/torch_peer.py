"""Models on PyTorch in a process of their own: the peers of families.py and of training.

Reads one JSON line that says which model, answers with its number of weights, and then answers
each further line: one batch of ids for families.py, one epoch of training for training.py, the next
updates for language.py, texts written for generation.py. Training and writing take the card, if
there is one. Needs torch and transformers, and neither TensorFlow nor this package, so
that the two may live in different environments.
"""

import json
import os
import sys
import time

import torch
import transformers
from device import Torch
from torch import nn

MODELS = {
    "albert": lambda s: transformers.AlbertModel(bert_config(transformers.AlbertConfig, s)),
    "bert": lambda s: transformers.BertModel(bert_config(transformers.BertConfig, s)),
    "roberta": lambda s: transformers.RobertaModel(
        bert_config(transformers.RobertaConfig, s, max_position_embeddings=514, type_vocab_size=1),
        add_pooling_layer=False,
    ),
    "distilbert": lambda s: transformers.DistilBertModel(
        transformers.DistilBertConfig(
            vocab_size=s["vocab_size"],
            n_layers=s["num_layers"],
            dim=s["d_model"],
            n_heads=s["num_heads"],
            hidden_dim=s["dff"],
        )
    ),
    "electra": lambda s: transformers.ElectraModel(bert_config(transformers.ElectraConfig, s)),
    "modern_bert": lambda s: transformers.ModernBertModel(
        transformers.ModernBertConfig(
            vocab_size=s["vocab_size"],
            num_hidden_layers=s["num_layers"],
            hidden_size=s["d_model"],
            num_attention_heads=s["num_heads"],
            intermediate_size=s["dff"],
            reference_compile=False,
        )
    ),
    "deberta_v2": lambda s: transformers.DebertaV2Model(
        bert_config(
            transformers.DebertaV2Config,
            s,
            relative_attention=True,
            position_buckets=256,
            pos_att_type=["p2c", "c2p"],
            share_att_key=True,
            norm_rel_ebd="layer_norm",
            position_biased_input=False,
        )
    ),
    "gpt2": lambda s: transformers.GPT2Model(gpt2_config(s, use_cache=False)),
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
    torch.set_num_threads(os.cpu_count())
    order = json.loads(sys.stdin.readline())
    kinds = {"family": forward_pass, "model": training, "rates": foreseeing, "prompts": writing}
    model, answer = next(make for key, make in kinds.items() if key in order)(order)
    print(sum(weight.numel() for weight in model.parameters()), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


def forward_pass(order: dict):
    """A model, and a function that runs one batch of ids."""
    model = MODELS[order["family"]](order["size"]).eval()

    def run(ids):
        ids = torch.tensor(ids)
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if order["family"] == "t5":
            inputs["decoder_input_ids"] = ids
        with torch.inference_mode():
            model(**inputs)
        return "done"

    return model, run


def training(order: dict):
    """A model, and a function that trains it for an epoch and returns the peak of its memory."""
    device = Torch()
    model = TRAINED[order["model"]](order["size"], order["dropout"]).train().to(device.name)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)
    batches = [[torch.tensor(part).to(device.name) for part in b] for b in order["batches"]]

    def loss_of(*inputs, labels):
        with torch.autocast(device.name, torch.bfloat16, enabled=order["bfloat16"]):
            logits = model(*inputs)
            return nn.functional.cross_entropy(
                logits.flatten(0, -2), labels.flatten(), label_smoothing=order["smoothing"]
            )

    if order["compiled"]:
        loss_of = torch.compile(loss_of)

    def epoch(_):
        device.forget_peak()
        for *inputs, labels in batches:
            optimizer.zero_grad()
            loss = loss_of(*inputs, labels=labels)
            loss.backward()
            optimizer.step()
        loss.item()
        return device.peak()

    return model, epoch


def writing(order: dict):
    """GPT-2, and a function that writes greedily and returns the peak of its memory."""
    device = Torch()
    model = transformers.GPT2LMHeadModel(gpt2_config(order["size"])).eval().to(device.name)
    if order["bfloat16"]:
        model = model.to(torch.bfloat16)
    model.generation_config.eos_token_id = None  # nothing ends a text
    ids = torch.tensor(order["prompts"]).to(device.name)
    how = {"max_new_tokens": order["tokens"], "do_sample": False, "pad_token_id": 0}

    def write(_):
        device.forget_peak()
        with torch.inference_mode():
            found = model.generate(ids, attention_mask=torch.ones_like(ids), **how)
        assert found.cpu().shape[1] == ids.shape[1] + order["tokens"]
        return device.peak()

    return model, write


def foreseeing(order: dict):
    """A GPT of characters, and a function that trains it further: its seconds and the loss then."""
    model = Gpt(order)
    decayed = [w for n, w in model.named_parameters() if w.dim() > 1 and "table" not in n]
    others = [w for n, w in model.named_parameters() if w.dim() < 2 or "table" in n]
    groups = [{"params": decayed}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        groups, betas=(0.9, order["beta"]), weight_decay=order["weight_decay"], fused=True
    )
    batches, held_out = (torch.tensor(order[name]) for name in ("batches", "validation"))

    def loss_of(block):
        logits = model(block[:, :-1])
        return nn.functional.cross_entropy(logits.flatten(0, -2), block[:, 1:].flatten())

    def go_on(number):
        begun = time.perf_counter()
        first = number * order["updates"]
        for step in range(first, first + order["updates"]):
            for group in optimizer.param_groups:
                group["lr"] = order["rates"][step]
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(batches[step])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            loss.item()
        taken = time.perf_counter() - begun
        with torch.inference_mode():
            rows = held_out[: len(held_out) // 64 * 64].split(64)
            return taken, sum(loss_of(block).item() for block in rows) / len(rows)

    return model, go_on


class Gpt(nn.Module):
    """A GPT-2 with a tied head, its attention by PyTorch's own kernel."""

    def __init__(self, order: dict):
        super().__init__()
        width, layers = order["d_model"], order["num_layers"]
        self.table = nn.Embedding(order["vocab_size"], width)
        self.position_table = nn.Embedding(order["length"], width)
        self.blocks = nn.ModuleList(Block(width, order["num_heads"]) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        for name, weight in self.named_parameters():
            if weight.dim() > 1:
                scaled = name.endswith("out.weight")
                nn.init.normal_(weight, std=0.02 / (2 * layers) ** 0.5 if scaled else 0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(weight)

    def forward(self, ids):
        hidden = self.table(ids) + self.position_table.weight[: ids.shape[1]]
        for block in self.blocks:
            hidden = block(hidden)
        return self.norm(hidden) @ self.table.weight.T


class Block(nn.Module):
    """A pre-norm layer of a GPT."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.attend, self.attend_out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, hidden):
        parts = self.attend(self.norms[0](hidden)).chunk(3, dim=-1)
        parts = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        seen = nn.functional.scaled_dot_product_attention(*parts, is_causal=True)
        hidden = hidden + self.attend_out(seen.transpose(1, 2).flatten(-2))
        inside = nn.functional.gelu(self.widen(self.norms[1](hidden)), approximate="tanh")
        return hidden + self.narrow_out(inside)


class Marian(nn.Module):
    """`transformers`' own encoder-decoder; its positions are sinusoids that are not trained."""

    def __init__(self, size: dict, dropout: float):
        super().__init__()
        config = transformers.MarianConfig(
            vocab_size=size["vocab_size"],
            d_model=size["d_model"],
            encoder_layers=size["num_layers"],
            decoder_layers=size["num_layers"],
            encoder_attention_heads=size["num_heads"],
            decoder_attention_heads=size["num_heads"],
            encoder_ffn_dim=size["dff"],
            decoder_ffn_dim=size["dff"],
            max_position_embeddings=size["length"],
            activation_function="relu",
            dropout=dropout,
            attention_dropout=dropout,
            scale_embedding=True,
            pad_token_id=0,
            decoder_start_token_id=0,
            use_cache=False,
        )
        self.model = transformers.MarianMTModel(config)

    def forward(self, source, target):
        return self.model(
            input_ids=source, attention_mask=source != 0, decoder_input_ids=target
        ).logits


class Translator(nn.Module):
    """PyTorch's own layers, as in its tutorial, with a tied head."""

    def __init__(self, size: dict, dropout: float):
        super().__init__()
        width, layers = size["d_model"], size["num_layers"]
        options = {"dim_feedforward": size["dff"], "dropout": dropout, "batch_first": True}
        encoder = nn.TransformerEncoderLayer(width, size["num_heads"], **options)
        decoder = nn.TransformerDecoderLayer(width, size["num_heads"], **options)
        for layer in (encoder, decoder):
            layer.dropout.p = 0.0  # inside the feed-forward net, where the others have none
        self.encoder = nn.TransformerEncoder(encoder, layers, enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(decoder, layers)
        self.table = nn.Embedding(size["vocab_size"], width, padding_idx=0)
        nn.init.normal_(self.table.weight, std=width**-0.5)
        self.positions = nn.ModuleList(nn.Embedding(size["length"], width) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, source, target):
        padding = source == 0
        memory = self.encoder(self.embed(source, 0), src_key_padding_mask=padding)
        hidden = self.decoder(
            self.embed(target, 1),
            memory,
            tgt_mask=nn.Transformer.generate_square_subsequent_mask(
                target.shape[1], device=target.device
            ),
            tgt_is_causal=True,
            memory_key_padding_mask=padding,
        )
        return hidden @ self.table.weight.T

    def embed(self, ids, side):
        positions = torch.arange(ids.shape[1], device=ids.device)
        scaled = self.table(ids) * self.table.embedding_dim**0.5
        return self.dropout(scaled + self.positions[side](positions))


class Classifier(nn.Module):
    """`transformers`' classifier of texts, BERT-base."""

    def __init__(self, size: dict, dropout: float):
        super().__init__()
        config = transformers.BertConfig(
            num_labels=size["classes"],
            hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )
        self.model = transformers.BertForSequenceClassification(config)

    def forward(self, ids, mask):
        return self.model(input_ids=ids, attention_mask=mask).logits


class MaskedLanguageModel(nn.Module):
    """`transformers`' BERT that finds masked tokens; with a pooler, as KerasHub's has."""

    def __init__(self, size: dict, dropout: float):
        super().__init__()
        rates = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
        config = bert_config(transformers.BertConfig, size, **rates)
        self.model = transformers.BertForPreTraining(config)
        self.model.cls.seq_relationship = nn.Identity()

    def forward(self, ids, places):
        hidden = self.model.bert(ids).last_hidden_state
        places = places.unsqueeze(-1).expand(-1, -1, hidden.shape[-1])
        return self.model.cls.predictions(hidden.gather(1, places))


class CausalLanguageModel(nn.Module):
    """`transformers`' GPT-2."""

    def __init__(self, size: dict, dropout: float):
        super().__init__()
        rates = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), dropout)
        self.model = transformers.GPT2LMHeadModel(gpt2_config(size, use_cache=False, **rates))

    def forward(self, ids):
        return self.model(ids).logits


TRAINED = {
    "marian": Marian,
    "torch": Translator,
    "classifier": Classifier,
    "bert": MaskedLanguageModel,
    "gpt2": CausalLanguageModel,
}


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


def gpt2_config(size: dict, **given):
    """The config of GPT-2."""
    return transformers.GPT2Config(
        vocab_size=size["vocab_size"],
        n_layer=size["num_layers"],
        n_embd=size["d_model"],
        n_head=size["num_heads"],
        n_inner=size["dff"],
        **given,
    )


if __name__ == "__main__":
    main()
