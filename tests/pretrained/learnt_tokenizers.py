"""Tokenizers that the `tokenizers` package learns, as the contents of their tokenizer.json."""

import functools
import json

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

TEXTS = [
    "The dog sleeps.",
    "Zwölf Boxkämpfer jagen Eva!",
    "naïve café 北京",
    "x  y\tz",
    "[MASK] a",
    "",
]
LEARNT = [*TEXTS, "the old dog", "a new house", "sleeping dogs", "jagen und schlafen"] * 3
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def wordpiece():
    """A BERT tokenizer learnt by the package."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    made.train_from_iterator(LEARNT, trainers.WordPieceTrainer(vocab_size=120, special_tokens=BERT))
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    return made


def byte_bpe():
    """A RoBERTa tokenizer learnt by the package."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made.train_from_iterator(LEARNT, trainers.BpeTrainer(vocab_size=330, special_tokens=special))
    made.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False
    )
    return made


def unigram():
    """A T5 tokenizer learnt by the package."""
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("''", '"')])
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    special = ["<pad>", "</s>", "<unk>"]
    trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=special, unk_token="<unk>")
    made.train_from_iterator(LEARNT, trainer)
    return made


MADE = {"wordpiece": wordpiece, "byte_bpe": byte_bpe, "unigram": unigram}


@functools.cache
def _json_of(name):
    return MADE[name]().to_str()


def learnt(name):
    """The content of the tokenizer.json of a model."""
    return json.loads(_json_of(name))


def write_files(folder, **files):
    """Writes files; a name's last `_` stands for its point."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        stem, _, ending = name.rpartition("_")
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{stem}.{ending}").write_text(text, encoding="utf-8")
    return folder


def check_equal(described, content):
    """It tokenises as the package does from a tokenizer.json, also pairs and special tokens."""
    one, other = (Tokenizer.from_str(json.dumps(x)) for x in (described.to_json(), content))
    for parsed in (False, True):
        one.encode_special_tokens = other.encode_special_tokens = not parsed
        for first, second in zip(TEXTS, [None, *TEXTS], strict=False):
            left, right = (t.encode(first, second) for t in (one, other))
            for field in ("ids", "type_ids", "offsets", "special_tokens_mask", "word_ids"):
                assert getattr(left, field) == getattr(right, field), (first, second, field)
            assert one.decode(left.ids) == other.decode(right.ids)
