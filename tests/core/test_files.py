"""Files and folders that appear whole or not at all."""

import pytest

from tftransformer.core import making_folder, replacing


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
