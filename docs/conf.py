"""The site: the pages of docs/, the notebooks as they were saved, the API from its docstrings.

`python -m tools.docs` makes what is generated, builds, and checks links and pictures. Nothing is
fetched, neither while it is built nor by its readers.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_extensions")]

import xaiwidgets  # noqa: E402

project = "xaiwidgets"
author = "the xaiwidgets contributors"
project_copyright = f"%Y, {author}"
version = release = xaiwidgets.__version__
language = "en"

# the root is the repository, so that links between pages, notebooks and CONTRIBUTING.md are the
# same here and where the repository is read
root_doc = "docs/index"
include_patterns = ["docs/**", "notebooks/**", "CHANGELOG.md", "CONTRIBUTING.md"]
exclude_patterns = [
    ".*", "js", "tests", "tools", "xaiwidgets", "benchmarks", "build", "dist", "docs/_build",
    "docs/_static", "docs/_extensions", "**/.ipynb_checkpoints", "notebooks/assignments/**",
]  # fmt: skip

extensions = [
    "myst_nb", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_design",
    "docstrings", "formulas", "picture_words",
]  # fmt: skip

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # widgets' scripts would come from a CDN; a saved notebook holds pictures
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # signatures name the types; a second list of them says nothing
autodoc_class_signature = "mixed"
add_module_names = False
python_maximum_signature_line_length = 80

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = "xaiwidgets"
html_static_path = ["_static"]
html_extra_path = ["_build/extra"]
html_css_files = ["site.css"]
html_js_files = [("filter.js", {"defer": "defer"})]
html_show_sourcelink = False
html_copy_source = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#0b5cad", "color-brand-content": "#0b5cad",
        "color-brand-visited": "#0b5cad",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cb7ff", "color-brand-content": "#7cb7ff",
        "color-brand-visited": "#7cb7ff",
    },
}  # fmt: skip
