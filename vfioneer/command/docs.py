# SPDX-License-Identifier: MIT
"""`./doit docs`: the manual as a site in build/docs/html, warnings being errors."""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vfioneer.manual import layout
from vfioneer.system.errors import UserError
from vfioneer.system.paths import BUILD, DOCS
from vfioneer.system.progress import say

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUIREMENTS = DOCS / "requirements.txt"
# setup.sh writes it once everything is installed.
INSTALLED = Path(".venv/docs-requirements.txt")
SITE = BUILD / "docs"


def main(_variables: Mapping[str, str]) -> None:
    """Lay the sources out and have Sphinx build them; broken links and other warnings fail."""
    require_sphinx()
    pages = dict(layout.pages())
    layout.lay_out(SITE / "source", pages)
    html = SITE / "html"
    shutil.rmtree(html, ignore_errors=True)
    options = ["-q", "-W", "--keep-going", "-n", "-b", "html", "-d", str(SITE / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *options, str(SITE / "source"), str(html)]
    if subprocess.run(command, check=False).returncode != 0:
        message = "the site was not built: Sphinx's warnings stand above"
        raise UserError(message, hint="a page of build/docs/source/ comes from docs/ or from code")
    (html / "llms.txt").write_text(layout.llms(pages))
    say(f"the site is in {html}: open {html}/index.html")


def require_sphinx() -> None:
    """Install what builds the site where it is not there yet, by the one way: setup.sh."""
    if INSTALLED.exists() and filecmp.cmp(REQUIREMENTS, INSTALLED, shallow=False):
        return
    if subprocess.run(["sh", "./setup.sh", "docs"], check=False).returncode != 0:
        message = "the libraries that build the site could not be installed (see above)"
        hint = "they come from PyPI, once: ./doit docs again when this computer reaches it"
        raise UserError(message, hint=hint)
