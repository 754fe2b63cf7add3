"""Writes tftransformer/text/moses.json.xz: the classes of characters that Moses' rules speak of.

They are lists of a Unicode of their own, which sacremoses, the rules in Python, holds. Run from the
root of the repository: python tools/moses_characters.py
"""

import sacremoses
from frozen import ranges, write

CLASSES = {"alnum": "IsAlnum", "alpha": "IsAlpha", "number": "IsN", "lower": "IsLower"}


def main():
    content = {
        name: ranges(set(getattr(sacremoses.MosesTokenizer, known)))
        for name, known in CLASSES.items()
    }
    write(content, "moses.json.xz")


if __name__ == "__main__":
    main()
