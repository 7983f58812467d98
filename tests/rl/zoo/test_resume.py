"""Logs of a run that is resumed."""

import pytest

from ca2_rl.zoo.resume import count_lines, cut_logs


@pytest.mark.parametrize("later", [b"4,5,6\r\n", b"4,5", b"\xe2\x80\xa8", b""], ids=["a line", "half a line", "a separator", "nothing"])
def test_logs_are_cut_to_the_lines_of_the_state_byte_by_byte(tmp_path, later):
    log, first = tmp_path / "0.monitor.csv", '#{"name": "\u2028\r"}\r\nr,l,t\r\n1,2,3\r\n'.encode()
    log.write_bytes(first)
    lines = count_lines(tmp_path)
    with log.open("ab") as file:
        file.write(later)
    (tmp_path / "progress.csv").write_text("of after the state")
    cut_logs(tmp_path, lines)
    assert log.read_bytes() == first
    assert not (tmp_path / "progress.csv").exists()
