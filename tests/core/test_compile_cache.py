"""Compilations are kept where there is a GPU, and nowhere else."""

import os
import subprocess
import sys

import pytest

from tftransformer.core.compile_cache import FLAGS, OPTIONS, keep_compilations

PROGRAM = """
import os, pathlib, sys
import tensorflow as tf
from tftransformer.core.compile_cache import keep_compilations
keep_compilations(devices=pathlib.Path(sys.argv[1]))
os.environ["TF_XLA_FLAGS"] = os.environ["TF_XLA_FLAGS"].replace("GPU", "CPU")
print(tf.function(lambda x: x + 1, jit_compile=True)(tf.constant(1)).numpy())
"""


def test_flags_are_set_where_there_is_a_gpu_and_nobody_set_them(tmp_path):
    (tmp_path / "nvidia0").touch()
    cache = tmp_path / "cache"
    environ = {"XDG_CACHE_HOME": str(cache)}
    keep_compilations(environ, tmp_path / "none")
    assert FLAGS not in environ
    keep_compilations(environ, tmp_path)
    assert environ[FLAGS] == OPTIONS.format(cache / "tftransformer" / "xla")
    own = {**environ, FLAGS: "--tf_xla_auto_jit=1"}
    keep_compilations(own, tmp_path)
    assert own[FLAGS] == "--tf_xla_auto_jit=1"


def test_nothing_is_kept_where_no_folder_can_be_made(tmp_path):
    (tmp_path / "nvidia0").touch()
    environ = {"XDG_CACHE_HOME": str(tmp_path / "nvidia0")}  # a file
    keep_compilations(environ, tmp_path)
    assert FLAGS not in environ


@pytest.mark.slow
def test_tensorflow_keeps_what_it_compiles_there(tmp_path):
    (tmp_path / "nvidia0").touch()
    environ = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environ.pop(FLAGS, None)
    program = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    subprocess.run(program, env=environ, check=True, capture_output=True)
    assert [*(tmp_path / "cache" / "tftransformer" / "xla").iterdir()]
