# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from vfioneer.supply.publisher import listed

A, B = "a" * 64, "b" * 64
LISTINGS = [
    ("text", f"{A}  x.iso\n", A),
    ("binary", f"{A} *x.iso\n", A),
    ("bsd", f"SHA256 (x.iso) = {A}\n", A),
    ("upper case", f"{A.upper()}  x.iso\n", A),
    ("windows", f"{A}  x.iso\r\n", A),
    ("comments", f"# sums\n\n{B}  y.iso\n{A}  x.iso\n", A),
    ("path", f"{A}  /home/build/x.iso\n", A),
    ("dot", f"{A} *./x.iso\n", A),
    ("twice the same", f"{A}  x.iso\n{A} *x.iso\n", A),
    ("two sums", f"{A}  x.iso\n{B}  x.iso\n", None),
    ("another file", f"{A}  x.iso.zsync\n", None),
    ("sha1", f"{'a' * 40}  x.iso\n", None),
    ("sha512", f"{'a' * 128}  x.iso\n", None),
    ("bsd sha512", f"SHA512 (x.iso) = {'a' * 128}\n", None),
    ("page", "<html>not found</html>\n", None),
    ("empty", "", None),
    ("bare", f"{A}\n", None),
]


@pytest.mark.parametrize(
    ("listing", "wanted"), [row[1:] for row in LISTINGS], ids=[row[0] for row in LISTINGS]
)
def test_listings(listing: str, wanted: str | None) -> None:
    assert listed(listing.encode(), {"x.iso"}, alone=False) == wanted


def test_a_file_about_one_file_may_hold_the_bare_sum() -> None:
    assert listed(f"{A}\n".encode(), {"x.iso"}, alone=True) == A
    assert listed(f"{A}\n{B}\n".encode(), {"x.iso"}, alone=True) is None


def test_bytes_that_are_no_text_hold_nothing() -> None:
    assert listed(b"\xff\xfe\x00" * 100, {"x.iso"}, alone=True) is None
