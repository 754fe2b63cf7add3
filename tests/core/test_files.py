"""Files and folders that appear whole or not at all."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tftransformer.core import clear_leftovers, files, making_folder, replacing, replacing_folder


def fail_within(manager, write):
    """Writes, and then raises."""

    def run():
        with manager as beside:
            write(beside)
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="disk is full"):
        run()


def test_a_file_keeps_its_content_where_the_writing_fails(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text("old")
    fail_within(replacing(path), lambda beside: beside.write_text("ne"))
    assert path.read_text() == "old"
    with replacing(path) as beside:
        beside.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_when_it_is_filled(tmp_path):
    path = tmp_path / "new" / "model"
    with making_folder(path) as beside:
        (beside / "weights").write_text("1")
        assert not path.exists()
    assert (path / "weights").read_text() == "1"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_fails_leaves_nothing(tmp_path):
    fail_within(making_folder(tmp_path / "model"), lambda beside: (beside / "weights").touch())
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_left_alone_even_a_link_to_nowhere(tmp_path):
    link = tmp_path / "model"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError, match="exists already"), making_folder(link):
        raise AssertionError("the block must not run")
    assert link.is_symlink()


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_folder(path, version):
    with replacing_folder(path, stale=["shard-*"]) as beside:
        (beside / "part").mkdir()
        (beside / "part" / "a").write_text(version)
        (beside / f"shard-{version}").write_text(version)


def test_a_folder_is_replaced_and_what_is_not_its_own_stays(tmp_path):
    path = tmp_path / "model"
    write_folder(path, "1")
    (path / "README.md").write_text("mine")
    (path / "checkpoints").mkdir()
    (path / "checkpoints" / "ckpt-1").write_text("state")
    (path / "link").symlink_to("README.md")
    write_folder(path, "2")
    assert content(path) == {
        "README.md": "mine",
        "checkpoints/ckpt-1": "state",
        "link": "mine",
        "part/a": "2",
        "shard-2": "2",
    }
    assert (path / "link").is_symlink()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("exchange", [True, False])
def test_a_folder_stays_as_it_was_where_the_writing_fails(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    path = tmp_path / "model"
    write_folder(path, "1")
    before = content(path)
    fail_within(replacing_folder(path), lambda beside: (beside / "part").write_text("2"))
    assert content(path) == before
    write_folder(path, "2")
    assert content(path) == {"part/a": "2", "shard-2": "2"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_put_back_if_the_process_was_killed_between_two_renames(tmp_path):
    path = tmp_path / "model"
    write_folder(path, "1")
    before, place = content(path), tmp_path / ".model.0123456789ab.tmp"
    place.mkdir()
    path.rename(place / "model.old")
    (place / "model").mkdir()
    clear_leftovers(path)
    assert content(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_a_folder_stays_and_the_working_directory_too(tmp_path, monkeypatch):
    path, link = tmp_path / "model", tmp_path / "link"
    write_folder(path, "1")
    link.symlink_to(path)
    monkeypatch.chdir(path / "part")
    write_folder(link, "2")
    assert link.is_symlink()
    assert Path("a").read_text() == content(path)["part/a"] == "2"


def test_what_is_no_folder_is_left_alone(tmp_path):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        write_folder(tmp_path / "model", "1")
    assert content(tmp_path) == {"model": "mine"}


@pytest.mark.parametrize("name", ["run [1]", "back\\slash", "a*b?", ".dot", "ü ö"])
def test_names_are_never_patterns(tmp_path, name):
    other = tmp_path / "run 1"
    other.mkdir()
    path = tmp_path / name
    write_folder(path, "1")
    write_folder(path, "2")
    with replacing(path / name) as beside:
        beside.write_text("3")
    with making_folder(path / "new [1]") as beside:
        (beside / name).write_text("4")
    expected = {name: "3", "part/a": "2", "shard-2": "2", f"new [1]/{name}": "4"}
    assert content(path) == expected
    assert sorted(tmp_path.iterdir()) == sorted([path, other])


def test_leftovers_of_the_dead_are_cleared_and_those_of_the_living_stay(tmp_path):
    path = tmp_path / "model"
    dead, stranger = tmp_path / ".model.0123456789ab.tmp", tmp_path / ".model.mine.tmp"
    for folder in (dead, stranger):
        (folder / "model").mkdir(parents=True)
    with replacing_folder(path) as living:
        (living / "a").write_text("outer")
        write_folder(path, "inner")  # another save to the same place, meanwhile
        assert not dead.exists()
        assert living.exists()
    assert content(path) == {"a": "outer", "part/a": "inner", "shard-inner": "inner"}
    assert sorted(tmp_path.iterdir()) == sorted([path, stranger])


SAVES = """
import pathlib, sys, types
for name, path in (("tftransformer", ""), ("tftransformer.core", "core")):
    package = sys.modules[name] = types.ModuleType(name)  # without Keras, to start at once
    package.__path__ = [str(pathlib.Path(sys.argv[1], path))]
from tftransformer.core.files import replacing, replacing_folder
folder = pathlib.Path(sys.argv[2])
for version in range(int(sys.argv[3]), 10**9):
    with replacing_folder(folder / "model", stale=["shard-*"]) as beside:
        for part in range(8):
            (beside / f"shard-{part}").write_text(str(version) * 3000)
            (beside / f"shard-{part}-{version}").touch()
    with replacing(folder / "file") as beside:
        beside.write_text(str(version) * 3000)
    print(version, flush=True)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_the_old_or_the_new(tmp_path):
    generator, version = random.Random(0), 1
    package = Path(files.__file__).parents[1]
    for _ in range(6):
        arguments = [sys.executable, "-c", SAVES, package, tmp_path, str(version)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
            said = process.stdout.readline()
            time.sleep(generator.random() / 50)
            process.kill()
            done = int((said + process.stdout.read()).split()[-1])
        found = int(next((tmp_path / "model").glob("shard-0-*")).name.rpartition("-")[2])
        assert found in (done, done + 1)
        names = [f"shard-{part}{of}" for part in range(8) for of in ("", f"-{found}")]
        assert content(tmp_path / "model").keys() == set(names)
        assert {content(tmp_path / "model")[name] for name in names[::2]} == {str(found) * 3000}
        assert (tmp_path / "file").read_text() in (str(found) * 3000, str(done) * 3000)
        version = found + 1
    for name in ("model", "file"):
        clear_leftovers(tmp_path / name)
    assert {path.name for path in tmp_path.iterdir()} == {"model", "file"}
