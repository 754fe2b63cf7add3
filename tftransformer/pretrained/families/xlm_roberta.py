"""XLM-RoBERTa's files: RoBERTa's under other names of classes."""

from tftransformer.models import XLMRoberta
from tftransformer.pretrained.families.roberta import like_roberta

XLM_ROBERTA = like_roberta("xlm-roberta", XLMRoberta, "XLMRoberta")
