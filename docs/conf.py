"""Settings of the site that ``make docs`` builds with Sphinx."""

from importlib.metadata import version as version_of

project = "ca2"
author = "The ca2 authors"
copyright = author
release = version = version_of("ca2")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_copybutton"]
exclude_patterns = ["_build", "course/solutions"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # scripts/tutorials.py has run them

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "undoc-members": True, "show-inheritance": True}
python_maximum_signature_line_length = 88
python_use_unqualified_type_names = True

copybutton_prompt_text = "$ "
html_theme = "furo"
html_title = f"ca2 {release}"
