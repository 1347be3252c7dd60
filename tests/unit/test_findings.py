"""The table of a doctor's findings."""

from xstilts.study.findings import NOTE, PROBLEM, Finding, show


def test_the_table_shows_long_words_and_brackets_whole(capsys):
    word = "x" * 200
    assert show([Finding("a", f"[red]{word}", "", NOTE), Finding("b", "c")]) == 0
    text = "".join(capsys.readouterr().out.split())
    assert "[red]" in text
    assert text.count("x") == 200
    assert show([Finding("a", "b", "c")]) == 2
    assert show([Finding("a", "b", state=PROBLEM)]) == 2
