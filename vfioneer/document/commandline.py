# SPDX-License-Identifier: MIT
"""The grammar of a kernel argument that all agree on who read it on its way to the kernel.

    /etc/default/grub   a shell reads it, between double quotes
    grub.cfg            GRUB's own script language (grub-core/script/yylex.l, parser.y, argv.c)
    <host>.ipxe         iPXE expands ${...} (core/parseopt.c, core/settings.c)
    the kernel          lib/cmdline.c next_arg(): blanks part, double quotes group
    the initramfs       shell words of /proc/cmdline

What one of them would need quoted, another would read with the quotes: it is not allowed at all.
"""

from __future__ import annotations

import re

# Key, and value of one argument; the first character keeps out `--`, after which all goes to init.
PATTERN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,255}(?:=[A-Za-z0-9_.,:/=@%+~^-]{1,1023})?")
WANTED = "one kernel argument of letters, digits and _.,:/=@%+~^-"

_REASONS = {
    ";|&": "ends the command in GRUB, and what follows would be a command of its own",
    "<>": "is kept by GRUB's script language for itself",
    "{}": "opens and closes a block in GRUB",
    "$": "begins a variable in GRUB, iPXE and /etc/default/grub",
    "`": "would be run by the shell that reads /etc/default/grub",
    "\\": "takes the meaning from the next character in GRUB, and stays for the kernel",
    "\"'": "is a quote, which GRUB and the shell take off and the kernel reads in its own way",
    " \t": "parts arguments: write two of them",
    "\r\n\v\f": "ends the line in GRUB",
    "#": "begins a comment in GRUB and iPXE",
    "*?[]!()": "is a pattern to the shells, and to GRUB, that read it",
}


def fault(text: str) -> str:
    """Return why a text is no argument, to follow `not <wanted>`; empty where there is no more."""
    if text.startswith("-"):
        return ": a dash in front is an option to whoever reads it, and -- hands the rest to init"
    for char in text:
        for chars, reason in _REASONS.items():
            if char in chars:
                return f": {_name(char)} {reason}"
        if not char.isascii() or not char.isprintable():
            return f": U+{ord(char):04X} is no printable ASCII character"
    key, equals, value = text.partition("=")
    if equals and not value:
        return f": nothing stands behind {key}="
    return ": it is too long" if PATTERN.fullmatch(text[:200]) else ""


def _name(char: str) -> str:
    return repr(char) if char in " \t\r\n\v\f'\\" else char
