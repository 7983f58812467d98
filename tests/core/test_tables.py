"""One table on a terminal and in Markdown."""

import pytest

from ca2_core.tables import Table

TABLE = Table(["agent", "return"], [["a", "-1.0"], ["b | c", "10.0"]], title="Returns")


def test_markdown_aligns_numbers_to_the_right_and_escapes_pipes():
    assert TABLE.markdown() == "| agent | return |\n| --- | ---: |\n| a | -1.0 |\n| b \\| c | 10.0 |"
    assert Table(["a", "b", "c"], [["1", "2", "3"]], texts=2).markdown().splitlines()[1] == "| --- | --- | ---: |"


def test_no_row_is_a_sentence():
    assert Table(["agent"], []).markdown() == "Nothing to show yet."


def test_a_terminal_shows_title_and_whole_cells(capsys):
    Table(["agent", "text"], [["a" * 60, "word " * 40]], title="A title").print()
    printed = capsys.readouterr().out
    assert printed.startswith("A title\n")
    assert "a" * 60 in printed
    assert ("word " * 40).strip() in printed


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="1 cells under 2 headings"):
        Table(["a", "b"], [["1"]])
