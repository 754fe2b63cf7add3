"""The families of models that Hugging Face's files can hold: one file of data each."""

from tftransformer.pretrained.families.bert import BERT
from tftransformer.pretrained.family import Family

FAMILIES: tuple[Family, ...] = (BERT,)
