"""Configuration of the documentation; `make docs` builds it."""

from __future__ import annotations

import herobm

project = "herobm"
author = "The herobm developers"
copyright = "2026, The herobm developers"
version = release = herobm.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "generated"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"herobm {release}"
