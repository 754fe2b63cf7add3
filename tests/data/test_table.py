"""Reading tables: nothing is interpreted, nothing is lost, wrong files are named."""

import gzip
import json

import pandas as pd
import pytest

from tftransformer.data import read_table

ODD = [('"quoted', 'half "'), ("NA", "null"), ("1.50", ""), ("a\u2028b", "d\re"), ("", "x,y")]


def lines(end="\n"):
    return ("en\tde" + end + "".join(f"{a}\t{b}{end}" for a, b in ODD)).encode()


@pytest.mark.parametrize("name", ["x.tsv", "x.TSV", "x.tsv.gz"])
def test_tsv_keeps_every_character(tmp_path, name):
    content = gzip.compress(lines()) if name.endswith("gz") else lines()
    (tmp_path / name).write_bytes(content)
    table = read_table(tmp_path / name)
    assert list(table.columns) == ["en", "de"]
    assert list(table.itertuples(index=False, name=None)) == ODD


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_tsv_of_windows(tmp_path, prefix):
    (tmp_path / "x.tsv").write_bytes(prefix + lines("\r\n"))
    table = read_table(str(tmp_path / "x.tsv"))
    assert list(table.columns) == ["en", "de"]
    assert list(table.itertuples(index=False, name=None)) == ODD


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_csv_is_quoted(tmp_path, name):
    odd = [*ODD[:3], ("two\nlines", 'a ""quote"", b'), ODD[4]]
    pd.DataFrame(odd, columns=["en", "de"]).to_csv(tmp_path / name, index=False)
    table = read_table(tmp_path / name)
    assert list(table.itertuples(index=False, name=None)) == odd


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"en": ["a", None], "de": ["b", "NA"]})
    frame.to_parquet(tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "x.parquet"), frame)


def test_short_and_blank_lines_are_rows_with_empty_cells(tmp_path):
    (tmp_path / "x.tsv").write_text("en\tde\na\n\nb\tc\n")
    assert read_table(tmp_path / "x.tsv").to_numpy().tolist() == [["a", ""], ["", ""], ["b", "c"]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.doc", b"en\tde\n", r"'x\.doc'.*must end in \.tsv, \.tsv\.gz, .*\.iob\.gz or \.parquet"),
        ("x.txt", b"", "not a table: it has no line"),
        ("x.txt", b"\xff", "cannot be read as UTF-8 text"),
        ("x.conll", b"\n\n", "not a table: it has no line"),
        (
            "x.conll",
            b"a O\nb\nc O\n",
            r"line 2 of .*x\.conll has 1 cells, .* others have 2; .* 'b'",
        ),
        ("x.iob", b"a\nb\n", r"line 1 of .*x\.iob has 1 cells, and none for both of \(0, -1\)"),
        ("x.iob", b"a\tO\nb\t\n", r"line 2 of .*x\.iob lacks a word or its tag; it reads 'b '"),
        ("x.tsv", b"", "not a table"),
        ("x.jsonl", b"\n", "not a table: it has no line"),
        ("x.jsonl", b'{"a": 1}\n[1]\n', r"line 2 of .*x\.jsonl must be an object.*it reads \[1\]"),
        ("x.jsonl", b'{"a": }\n', r"line 1 of .*x\.jsonl is not JSON"),
        (
            "x.json",
            b'{"a": 1}\n{"a": 2}\n',
            "not JSON.*If each of its lines is.*in .jsonl",
        ),
        ("x.json", b'{"a": 1}', "must be a list of objects"),
        ("x.json", b"[[1]]", r"must be a list of objects.*begins with \[\[1\]\]"),
        ("x.json", b"[]", "not a table: it has no line"),
        ("x.json", b'{"data": [{}]}', "x.json: this is not SQuAD's json: KeyError.'paragraphs'."),
        ("x.jsonl.gz", b"{}", "cannot be read as UTF-8 text"),
        ("x.tsv", b"en\tde\na\tb\tc\n", r"Expected 2 fields in line 2, saw 3"),
        ("x.tsv", b"en\ten\na\tb\n", r"name each column, once each; it reads \['en', 'en'\]"),
        ("x.tsv", b"\na\tb\n", "not a table"),
        ("x.tsv", "en\tde\nä\tb\n".encode("latin-1"), "cannot be read as UTF-8 text"),
        ("x.tsv.gz", b"en\tde\n", "cannot be read as UTF-8 text"),
        ("x.tsv.gz", gzip.compress(lines() * 99)[:-20], "cannot be read as UTF-8 text"),
    ],
    # Not the contents: gzip writes the time of day into them, and workers must agree.
    ids=[
        *("suffix", "no text", "latin-1 text", "no word", "few cells", "no tags", "an empty tag"),
        *("empty", "no object", "a list", "no json", "json lines", "an object"),
        *(
            "lists",
            "empty list",
            "no squad",
            "not gzip lines",
            "long line",
            "twice",
            "no header",
            "latin-1",
            "not gzip",
            "cut off",
        ),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_table(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.tsv"):
        read_table(tmp_path / "nowhere.tsv")


def test_lines_may_end_in_different_ways(tmp_path):
    (tmp_path / "x.tsv").write_bytes(b"en\tde\na\tb\r\nc\td\n")
    assert read_table(tmp_path / "x.tsv").de.tolist() == ["b", "d"]


@pytest.mark.slow
def test_a_line_of_very_many_names_is_cut_in_the_message(tmp_path):
    names = [f"c{i}" for i in range(3000)]
    (tmp_path / "x.csv").write_text(",".join(names) + "\n" + ",".join("x" * 3000) + "\n")
    assert list(read_table(tmp_path / "x.csv").columns) == names
    (tmp_path / "x.csv").write_text(",".join(["x", *names, "x"]) + "\n")
    with pytest.raises(ValueError, match="once each") as caught:
        read_table(tmp_path / "x.csv")
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_lines_of_json_keep_lists_numbers_and_every_character(tmp_path, name):
    rows = [
        {"tokens": ["a\u2028b", "NA"], "count": 1, "text": "1.50"},
        {"tokens": [], "count": 2, "text": "d\re", "more": None},
        {"tokens": ["x"], "count": 3, "text": ""},
    ]
    lines = [json.dumps(row, ensure_ascii=place == 1) for place, row in enumerate(rows)]
    content = "\r\n\n".join(lines).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    table = read_table(tmp_path / name)
    assert table["tokens"].tolist() == [row["tokens"] for row in rows]
    assert table["text"].tolist() == [row["text"] for row in rows]
    assert table["count"].sum() == 6
    assert table["more"].isna().all()


@pytest.mark.parametrize("name", ["x.txt", "x.TXT", "x.txt.gz"])
def test_each_line_of_a_text_is_a_row(tmp_path, name):
    content = '\ufeff"a, b"\tc\r\n\nd\u2028e\rf\n'.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    table = read_table(tmp_path / name)
    assert list(table.columns) == ["text"]
    assert table["text"].tolist() == ['"a, b"\tc', "", "d\u2028e\rf"]


TAGGED = {
    "blanks, and a line between documents": (
        "-DOCSTART- -X- O O\n\nAnn NNP I-NP B-P\nis VBZ I-VP O\n\n\n# # B-NP O\n"
    ),
    "tabs, and remarks": (
        "#\tsome page\t[2010]\n# id 1\nAnn\tNNP\tI-NP\tB-P\r\nis\tVBZ\tI-VP\tO\r\n\t\n#\t#\tB-NP\tO"
    ),
}


@pytest.mark.parametrize("content", TAGGED.values(), ids=TAGGED)
@pytest.mark.parametrize("name", ["x.conll", "x.iob.gz"])
def test_words_and_tags_are_read_sentence_by_sentence(tmp_path, name, content):
    packed = gzip.compress(content.encode()) if name.endswith("gz") else content.encode()
    (tmp_path / name).write_bytes(packed)
    table = read_table(tmp_path / name)
    assert table.to_dict("list") == {
        "tokens": [["Ann", "is"], ["#"]],
        "tags": [["B-P", "O"], ["O"]],
    }
    assert read_table(tmp_path / name, cells=(0, 1))["tags"].tolist() == [["NNP", "VBZ"], ["#"]]
    with pytest.raises(ValueError, match=r"has 4 cells, and none for both of \(0, 4\)"):
        read_table(tmp_path / name, cells=(0, 4))
    with pytest.raises(ValueError, match=r"cells=\(1,\) was given; expected two ints"):
        read_table(tmp_path / name, cells=(1,))


@pytest.mark.parametrize("name", ["x.json", "x.json.gz"])
def test_a_list_of_objects_is_a_table(tmp_path, name):
    rows = [{"text": "a\u2028b", "labels": ["x", "y"]}, {"text": "c", "number": 2}]
    content = json.dumps(rows, indent=2).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pd.testing.assert_frame_equal(read_table(tmp_path / name), read_table(tmp_path / "x.jsonl"))


def test_the_questions_of_squad_are_rows(tmp_path):
    answers = [{"text": "Ann", "answer_start": 0}]
    asked = [
        {"id": "1", "question": "who left ?", "answers": answers},
        {"id": "2", "question": "who came ?", "answers": answers, "is_impossible": True},
    ]
    data = {"version": "2.0", "data": [{"paragraphs": [{"context": "Ann left .", "qas": asked}]}]}
    (tmp_path / "x.json").write_text(json.dumps(data))
    table = read_table(tmp_path / "x.json")
    assert list(table.columns) == ["id", "question", "context", "answers"]
    assert table["context"].tolist() == ["Ann left ."] * 2
    assert table["answers"].tolist() == [answers, []]
