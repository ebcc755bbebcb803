# Sourced by tools/demo.sh and tools/test.sh: a virtual environment with the package in it.
# usage: . tools/setup.sh EXTRA   (demo or dev)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1

if [ ! -x .venv/bin/python ]; then
  python3 -m venv .venv
fi
# shellcheck disable=SC1091
. .venv/bin/activate

# torch goes first and alone: asked for by another package, it may bring gigabytes of CUDA along
python -c "import torch" 2>/dev/null || python -m pip install -q "torch==2.13.0"
python -m pip install -q -e ".[$1]" -c constraints.txt
