"""Freed memory is used again, not cleared by the system each time."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tftransformer import freed_memory

# Memory of 40 MB ten times, and how many of its pages of 4 kB the system has cleared.
PROGRAM = """
import resource, runpy, sys, threading
runpy.run_path(sys.argv[1])["keep_freed_memory"]()
def work():
    for _ in range(10):
        bytearray(b"x") * 40_000_000
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages(**environ):
    clean = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    clean.pop("GLIBC_TUNABLES", None)
    command = [sys.executable, "-c", PROGRAM, str(Path(freed_memory.__file__))]
    run = subprocess.run(
        command, env={**clean, **environ}, capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="settings of glibc")
def test_freed_memory_serves_again_unless_malloc_was_set_by_hand():
    assert pages() < 20_000
    assert pages(MALLOC_ARENA_MAX="8") > 80_000
