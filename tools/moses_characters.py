"""Writes tftransformer/text/moses.json.xz: the classes of characters that Moses' rules speak of.

They are lists of a Unicode of their own, which sacremoses, the rules in Python, holds. Run from the
root of the repository: python tools/moses_characters.py
"""

import json
import lzma
import pathlib

import sacremoses

TARGET = pathlib.Path("tftransformer/text/moses.json.xz")
CLASSES = {"alnum": "IsAlnum", "alpha": "IsAlpha", "number": "IsN", "lower": "IsLower"}


def ranges(characters):
    """Sorted code points as a flat list of first and last of each stretch."""
    found = []
    for code in sorted(map(ord, characters)):
        if found and found[-1] == code - 1:
            found[-1] = code
        else:
            found += [code, code]
    return found


def main():
    content = {
        name: ranges(set(getattr(sacremoses.MosesTokenizer, known)))
        for name, known in CLASSES.items()
    }
    text = json.dumps(content, separators=(",", ":"))
    TARGET.write_bytes(lzma.compress(text.encode(), preset=9))


if __name__ == "__main__":
    main()
