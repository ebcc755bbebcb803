#!/usr/bin/env bash
# From a bare checkout to passed tests: installs all it needs (browser included), then runs
# every check and every test, and builds the site. `bash tools/test.sh quick` leaves the site, the
# browser and slow tests out.
. "$(dirname "$0")/setup.sh" dev
python -m pip install -q --no-deps "grad-cam==1.5.7" "lime==0.2.0.1" "quantus==0.6.0" "zennit==0.5.1" -c constraints.txt

bash tools/check.sh

tests=(python -m pytest -q -n 2)
if [ "${1:-}" = quick ]; then
  exec "${tests[@]}" --dist worksteal --ignore tests/browser -m "not slow"
fi
bash tools/browser.sh
python -m tools.docs
"${tests[@]}" --dist worksteal --ignore tests/browser
"${tests[@]}" --dist loadfile --no-loadscope-reorder tests/browser
