# SPDX-License-Identifier: MIT
"""Sphinx's settings; `./doit docs` lays the sources out beside a copy of this file."""

project = "vfioneer"
author = "the authors of vfioneer"
# No year and no day: the same pages give the same bits.
project_copyright = author
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "vfioneer"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
nitpicky = True
