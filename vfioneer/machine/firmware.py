# SPDX-License-Identifier: MIT
"""Where distributions keep OVMF and iPXE."""

from __future__ import annotations

import shutil
from pathlib import Path

from vfioneer.system.errors import UserError
from vfioneer.system.run import package_hint

# Code and variables. 4 MiB images first, since newer distributions ship nothing else, and never
# ones with secure boot, which do not start the base's boot loader.
OVMF = (
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2-ovmf/x64/OVMF_CODE.4m.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.4m.fd"),
    ("/usr/share/edk2/x64/OVMF_CODE.fd", "/usr/share/edk2/x64/OVMF_VARS.fd"),
    ("/usr/share/edk2-ovmf/x64/OVMF_CODE.fd", "/usr/share/edk2-ovmf/x64/OVMF_VARS.fd"),
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
)
IPXE_EFI = (
    "/usr/lib/ipxe/ipxe.efi",
    "/usr/share/ipxe/x86_64/ipxe.efi",
    "/usr/share/ipxe/ipxe-x86_64.efi",
    "/boot/ipxe.efi",
)


def find_ovmf() -> tuple[Path, Path]:
    """Return OVMF's code and its empty variables."""
    for code, variables in OVMF:
        if Path(code).exists() and Path(variables).exists():
            return Path(code), Path(variables)
    message = "OVMF, the UEFI firmware of emulated machines, is not installed"
    raise UserError(message, hint=package_hint("/usr/share/OVMF"))


def find_ipxe() -> Path:
    """Return iPXE as an EFI program, which a UEFI machine's own PXE loads by TFTP."""
    for path in map(Path, IPXE_EFI):
        if path.exists():
            return path
    message = "iPXE is not installed"
    raise UserError(message, hint=package_hint("/usr/lib/ipxe/ipxe.efi"))


def uefi_arguments(variables: Path) -> tuple[str, ...]:
    """Return the arguments for OVMF; its variables are kept in the given file between boots."""
    code, empty = find_ovmf()
    if not variables.exists():
        shutil.copyfile(empty, variables)
    return (
        *("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}"),
        *("-drive", f"if=pflash,unit=1,format=raw,file={escape(variables)}"),
    )


def escape(value: object) -> str:
    """Return a value for one of QEMU's key=value options, where a comma ends it unless doubled."""
    return str(value).replace(",", ",,")
