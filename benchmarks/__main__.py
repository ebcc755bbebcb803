"""Every benchmark, one table after another: python -m benchmarks"""

import runpy
import sys

for name in ("start", "methods", "evaluations", "browser"):
    print(f"\n=== python -m benchmarks.{name}", flush=True)
    sys.argv = [f"benchmarks.{name}"]
    runpy.run_module(f"benchmarks.{name}", run_name="__main__")
