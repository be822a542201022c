# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from vfioneer.system import log
from vfioneer.system.errors import UserError
from vfioneer.system.run import run


@pytest.mark.spawns
@pytest.mark.usefixtures("checkout")
def test_every_command_is_logged_with_its_output() -> None:
    run(["sh", "-c", "echo out; echo words >&2"], quiet=True)
    run(["cat"], stdin=b"a secret\n" * 3, quiet=True, cwd=Path("build"))
    run(["head", "-c", "3000", "/dev/zero"], quiet=True)
    run(["sh", "-c", "yes | head -c 999999; exit 3"], quiet=True, check=False)
    text = log.place().read_text()
    assert "$ sh -c 'echo out; echo words >&2'\nout\nwords\n# exit status 0 after " in text
    assert "$ cat\n# in build\n" in text
    assert "$ head -c 3000 /dev/zero\n# 3000 bytes that are no text\n" in text
    assert "# 868927 bytes left out" in text
    assert "# exit status 3 after " in text
    assert log.place().stat().st_mode & 0o777 == 0o600


@pytest.mark.spawns
@pytest.mark.usefixtures("checkout")
def test_a_failure_shows_words_and_not_paths() -> None:
    paths = [f"/a/long/path/of/a/file/number/{number}" for number in range(100)]
    with pytest.raises(UserError) as raised:
        run(["sh", "-c", "echo '\x1b[2Jno space left' >&2; exit 7", *paths], quiet=True)
    said = str(raised.value)
    assert "failed with exit status 7\n    ?[2Jno space left\n" in said
    assert f"hint: the whole command and its output are in {log.place()}" in said
    assert "number/99" not in said
    assert len(said) < 400
    assert "number/99" in log.place().read_text()


@pytest.mark.usefixtures("checkout")
def test_only_the_last_logs_are_kept() -> None:
    log.LOGS.mkdir()
    for number in range(40):
        (log.LOGS / f"20200101-0000{number:02}-1.log").write_text("old")
    log.record(["true"], None, 0, 0.0, b"")
    left = sorted(path.name for path in log.LOGS.iterdir())
    assert len(left) == log.KEPT
    assert left[0] == "20200101-000021-1.log"


def test_elsewhere_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log.record(["true"], None, 0, 0.0, b"")
    assert list(tmp_path.iterdir()) == []
