# SPDX-License-Identifier: MIT
"""The pacman database of the lab's base: Debian's own records in pacman's form.

Manjaro's images hold what pacman has installed; without it no test sees what an interrupted
upgrade of a package of the base does. The format is described in alpm-db-desc(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vfioneer.lab import debs
from vfioneer.system.run import SOURCE_DATE_EPOCH

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator, Mapping

LOCAL = "var/lib/pacman/local"
_STATUS = "./var/lib/dpkg/status"
_INFO = "./var/lib/dpkg/info"
# A merged /usr, as in the lab's root.
_MERGED = ("bin", "lib", "lib64", "sbin")


def members(
    debian: tarfile.TarFile, present: Mapping[str, bool]
) -> Iterator[tuple[str, str | None]]:
    """Yield path and text of each file of the database, None for its directories.

    Args:
        debian: mmdebstrap's tar.
        present: the paths that stay in the image, and whether each is a directory, which pacman
            writes with a slash; what is left out is not recorded.
    """
    yield LOCAL, None
    yield f"{LOCAL}/ALPM_DB_VERSION", "9\n"
    for fields in debs.stanzas(_text(debian, _STATUS)):
        name, architecture = fields["Package"], fields["Architecture"]
        paths = [p for p in _listing(debian, name, architecture) if p in present]
        listing = [f"{path}/" if present[path] else path for path in paths]
        # Debian's version in pacman's form, where only the release follows a hyphen.
        version = f"{fields['Version'].replace('-', '_')}-1"
        directory = f"{LOCAL}/{name}-{version}"
        yield directory, None
        yield f"{directory}/desc", _desc(name, version, fields)
        yield f"{directory}/files", "%FILES%\n" + "".join(f"{path}\n" for path in listing)


def _desc(name: str, version: str, fields: Mapping[str, str]) -> str:
    values = {
        "NAME": name,
        "VERSION": version,
        "BASE": name,
        "DESC": fields.get("Description", "").partition("\n")[0],
        "ARCH": "x86_64" if fields["Architecture"] == "amd64" else "any",
        "BUILDDATE": str(SOURCE_DATE_EPOCH),
        "INSTALLDATE": str(SOURCE_DATE_EPOCH),
        "PACKAGER": "Debian",
        "SIZE": str(int(fields.get("Installed-Size", "0")) * 1024),
        "VALIDATION": "none",
    }
    return "".join(f"%{key}%\n{value}\n\n" for key, value in values.items() if value)


def _listing(debian: tarfile.TarFile, name: str, architecture: str) -> list[str]:
    """Return the files that dpkg has of a package, as pacman writes them."""
    text = ""
    for stem in (name, f"{name}:{architecture}"):
        try:
            text = _text(debian, f"{_INFO}/{stem}.list")
        except KeyError:
            continue
    paths = (line.strip("/") for line in text.splitlines())
    return sorted({_merged(path) for path in paths if path not in ("", ".")})


def _merged(path: str) -> str:
    first, _, rest = path.partition("/")
    return f"usr/{path}" if first in _MERGED and rest else path


def _text(debian: tarfile.TarFile, name: str) -> str:
    file = debian.extractfile(name)
    return file.read().decode() if file else ""
