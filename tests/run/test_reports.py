from __future__ import annotations

from pathlib import Path

from c4trace.run.reports import Report, Reports


def test_each_line_is_given_once_in_the_order_of_its_process(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    assert reports.new() == []
    (tmp_path / "7").write_text("met 3.0.0 (b018a12d)\n")
    (tmp_path / "12").write_text("met 3.1.0\nsegment /run/a b.12.seg\n")
    assert reports.new() == [
        Report(12, "met", "3.1.0"),
        Report(12, "segment", "/run/a b.12.seg"),
        Report(7, "met", "3.0.0 (b018a12d)"),
    ]
    assert reports.new() == []
    with (tmp_path / "7").open("a") as file:
        file.write("failed no room; free some\n")
    assert reports.new() == [Report(7, "failed", "no room; free some")]


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    (tmp_path / "7").write_text("met 3.0.0\nunkn")
    assert reports.new() == [Report(7, "met", "3.0.0")]
    (tmp_path / "7").write_text("met 3.0.0\nunknown \n")
    assert reports.new() == [Report(7, "unknown", "")]


def test_what_is_no_report_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("met 1\n")
    (tmp_path / "8").write_bytes(b"\n\xff\xfe nothing\nseen 3\nnote \xff\n")
    assert Reports(tmp_path).new() == [Report(8, "note", "\N{REPLACEMENT CHARACTER}")]
