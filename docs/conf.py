"""Settings of the site that ``make docs`` builds with Sphinx."""

from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx

from ca2_core.play.server import write_site
from ca2_gan import list_models
from ca2_gan.play import site as letters
from ca2_rl.play import site as pendulum

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
html_static_path = ["_static"]
html_css_files = ["site.css"]


def write_playground(app: Sphinx, exception: Exception | None) -> None:
    """Puts the pages of ``ca2-rl play`` and ``ca2-gan play`` into the site."""
    if exception is None and app.builder.name == "html":
        write_site(pendulum.pages(), Path(app.outdir, "play", "pendulum"))
        write_site(letters.pages(letters.open_models(list_models(pretrained=True))), Path(app.outdir, "play", "letters"))


def setup(app: Sphinx) -> None:
    app.connect("build-finished", write_playground)
