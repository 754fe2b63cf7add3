"""Floor 7: folders of Hugging Face, both ways."""

from tftransformer.pretrained.load import Loaded, from_pretrained, load_pretrained
from tftransformer.pretrained.save import save_pretrained

__all__ = ["Loaded", "from_pretrained", "load_pretrained", "save_pretrained"]
