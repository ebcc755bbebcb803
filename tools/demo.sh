#!/usr/bin/env bash
# From a bare checkout to the demo: installs what it needs into .venv, then opens JupyterLab.
# Arguments go to `xaiwidgets demo`, for instance: bash tools/demo.sh --html demo.html
. "$(dirname "$0")/setup.sh" demo
exec xaiwidgets demo "$@"
