# SPDX-License-Identifier: MIT
"""Lines of a paste that are no part of a listing: prompts, scripts, what programs complain of."""

from __future__ import annotations

import re

FAILED = re.compile(
    r"(?:lspci|pcilib|setpci):.*|.*\binvalid (?:slot|bus|function|domain) number\b.*"
    r"|.*(?:cannot open|no such file or directory|unable to (?:read|load)).*",
    re.I,
)
COMMAND = re.compile(
    r"(?:\[?[\w.-]+@[\w.-]+[\s:].*[#$%>\u276f]|[$%]|&gt;)\s*\S.*"
    r"|(?:sudo\s+)?(?:lspci|find|ls|dmesg|journalctl|pvesh|lsusb|tree|cat|bash|sh|readlink|virsh)"
    r"\s+[-/|].*|(?:sudo\s+)?(?:lspci|lsusb|dmesg|\./\S+|ls-iommu\S*|lsiommu\S*)(?:\s.*)?",
    re.I,
)
SCRIPT = re.compile(
    r"(?:for|while|if|elif|then|else|fi|do|done|echo|printf|shopt|local|set|n=|exit)\b.*"
    r"|.*\$[({]?\w.*|/(?:usr/)?bin/.*|\S+@\S+[#$%]",
    re.I,
)
IGNORED = re.compile(
    r"(?:\w{0,12}|total \d+|[-=_ ]{3,}|devices?:?|reserved_regions|type|iommu: \S+"
    r"|\d+ director(?:y|ies).*|(?:no\.? )?usb controllers?:?|usb:?|pci devices:?|\.{3}|\[\.\.\.\])"
    r"|(?:iommu )?groups?:?|(?:/sys/kernel/)?iommu_groups/?"
)
