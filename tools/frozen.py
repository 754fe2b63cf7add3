"""What the scripts share that ask a reference about each character and freeze its answers."""

import json
import lzma
import pathlib

CHARACTERS = [chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000]


def ranges(characters):
    """Sorted code points as a flat list of first and last of each stretch."""
    found = []
    for code in sorted(map(ord, characters)):
        if found and found[-1] == code - 1:
            found[-1] = code
        else:
            found += [code, code]
    return found


def write(content, name):
    """Writes a file of tftransformer/text and says how large its parts are."""
    target = pathlib.Path("tftransformer/text") / name
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    target.write_bytes(lzma.compress(text.encode(), preset=9))
    print({name: len(value) for name, value in content.items()}, target.stat().st_size)
