"""Writes tests/pretrained/goldens/tokenizers: small folders, and what the reference makes of texts.

The texts are the embedded corpus and a few odd ones; the reference is the `tokenizers` package.
Run from the root of the repository: python tools/golden_tokenizers.py
"""

import json
import pathlib
import shutil

import tokenizers
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from tftransformer.data import everyday_corpus

TARGET = pathlib.Path("tests/pretrained/goldens/tokenizers")
FLAGS = ("lstrip", "rstrip", "single_word", "normalized")
TEXTS = {
    "sentences": ["I would like to buy a ticket.", "Wo ist der Bahnhof?", "The dog sleeps."],
    "blanks": ["", " ", "  two  leading", "line one\r\nline two\t", "a\u00a0b\u2003c\u3000d"],
    "scripts": ["今天天气很好。", "Привет мир", "नमस्ते", "שלום", "กขค", "한국어", "ﬁ ² ① Ａ"],
    "marks": ["cafés and re\u0301sume\u0301s", "e\u0301\u0323a\u0308", "İstanbul ẞ ΣΑΣ"],
    "invisible": [
        "zero\u200bwidth",
        "so\u00adft",
        "nul\x00l",
        "repl\ufffdaced",
        "\ufeffbom",
        "v\x0bt",
    ],
    "emoji": ["I ❤️ NY", "👩‍👧 family", "😀😀"],
    "special": ["[MASK]", "a[SEP]b", "<mask>, </s>!", "@user@user @USER http://x httpx http"],
    "letters": ["DON'T SHOUT! it's", "3.14 and 2,718", "state-of-the-art", "x" * 130],
}


def corpus():
    frame = everyday_corpus(1500).train
    return [*frame["en"], *frame["de"]]


def bert(texts, *, lower):
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(lowercase=lower)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece(cleanup=True)
    made.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=300, special_tokens=special)
    )
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    made.add_tokens([AddedToken("@user", normalized=True), AddedToken("http", single_word=True)])
    roles = dict(zip(("pad", "unk", "cls", "sep", "mask"), special, strict=True))
    return made, roles, {"tokenizer_class": "BertTokenizer", "do_lower_case": lower}


def roberta(texts):
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=letters)
    made.train_from_iterator(texts, trainer)
    made.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    made.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    roles = {"bos": "<s>", "pad": "<pad>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"}
    roles |= {"cls": "<s>", "sep": "</s>"}
    return made, roles, {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": False}


def t5(texts):
    special = ["<pad>", "</s>", "<unk>"]
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.NFKC()])
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=250, special_tokens=special, unk_token="<unk>")
    made.train_from_iterator(texts, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    roles = {"pad": "<pad>", "eos": "</s>", "unk": "<unk>"}
    return made, roles, {"tokenizer_class": "T5Tokenizer", "extra_ids": 0}


def row(encoding, made, text=None):
    """An encoding as the goldens write it."""
    values = {
        "ids": encoding.ids,
        "types": encoding.type_ids,
        "special": encoding.special_tokens_mask,
        "words": encoding.word_ids,
        "offsets": encoding.offsets,
    }
    if text is not None:
        values["decode"] = made.decode(encoding.ids, skip_special_tokens=False)
        values["decode_skip"] = made.decode(encoding.ids)
    return values


def cases(made, names):
    found = []
    for group, texts in TEXTS.items():
        for text in texts:
            made.encode_special_tokens = True
            case = {"group": group, "text": text, **row(made.encode(text), made, text)}
            made.encode_special_tokens = False
            parsed = row(made.encode(text), made, text)
            if isinstance(made.model, models.Unigram) and any(name in text for name in names):
                reason = "the package's Unigram model takes a control piece from text"
                case["exclude"] = dict.fromkeys(parsed, reason)
            elif any(case[field] != value for field, value in parsed.items()):
                case["parsed"] = parsed
            found.append(case)
    return found


def pairs(made):
    first, second = TEXTS["sentences"][:2]
    both = [(first, second), (second, ""), ("", first)]
    return [{"text": a, "pair": b, **row(made.encode(a, b), made)} for a, b in both]


def truncated(made):
    text, pair = " ".join(TEXTS["sentences"]), TEXTS["sentences"][1]
    found = []
    for options in ({"max_length": 9}, {"max_length": 11, "stride": 3}):
        made.enable_truncation(options["max_length"], stride=options.get("stride", 0))
        encoding = made.encode(text)
        rows = [encoding, *(encoding.overflowing if "stride" in options else [])]
        found.append({"text": text, "strategy": "longest_first", **options, **of_rows(rows)})
    made.enable_truncation(14)
    rows = [made.encode(text, pair)]
    found.append(
        {"text": text, "pair": pair, "strategy": "longest_first", "max_length": 14, **of_rows(rows)}
    )
    made.no_truncation()
    return found


def of_rows(rows):
    return {"ids": [x.ids for x in rows], "types": [x.type_ids for x in rows]}


def batches(made, pad):
    made.enable_padding(pad_id=made.token_to_id(pad), pad_token=pad)
    rows = made.encode_batch(TEXTS["sentences"])
    made.no_padding()
    batch = {"texts": TEXTS["sentences"], "pairs": None, "padding_side": "right"}
    return [{**batch, **of_rows(rows), "mask": [x.attention_mask for x in rows]}]


def write(family, layout, made, roles, config):
    folder = TARGET / family / layout
    folder.mkdir(parents=True)
    made.encode_special_tokens = False
    files = {}
    if layout == "vocab_txt":
        vocab = made.get_vocab(with_added_tokens=False)
        files["vocab.txt"] = "".join(f"{piece}\n" for piece in sorted(vocab, key=vocab.get))
        tokens = {
            str(number): {"content": x.content, "special": x.special}
            | {flag: getattr(x, flag) for flag in FLAGS}
            for number, x in made.get_added_tokens_decoder().items()
        }
        config = {**config, "added_tokens_decoder": tokens}
    else:
        files["tokenizer.json"] = made.to_str()
    config = config | {f"{role}_token": token for role, token in roles.items()}
    files["tokenizer_config.json"] = json.dumps(config, indent=1)
    for name, content in files.items():
        (folder / name).write_text(content, encoding="utf-8")
    known = {
        "format": 1,
        "family": family,
        "layout": layout,
        "authority": "tokenizers",
        "versions": {"tokenizers": tokenizers.__version__},
        "files": sorted(files),
        "vocab_size": made.get_vocab_size(),
        "special_ids": {role: made.token_to_id(token) for role, token in roles.items()},
        "offsets": "none" if family == "t5" else "exact",  # of Unigram, contained: another test
        "cases": cases(made, [*roles.values()]),
        "pairs": pairs(made),
        "truncated": truncated(made),
        "batches": batches(made, roles["pad"]),
    }
    text = json.dumps(known, ensure_ascii=False, separators=(",", ":"))
    (folder / "cases.json").write_text(text.replace('{"group"', '\n{"group"'), encoding="utf-8")


def main():
    texts = corpus()
    shutil.rmtree(TARGET, ignore_errors=True)
    write("bert", "uncased_json", *bert(texts, lower=True))
    write("bert", "vocab_txt", *bert(texts, lower=False))
    write("roberta", "json", *roberta(texts))
    write("t5", "json", *t5(texts))


if __name__ == "__main__":
    main()
