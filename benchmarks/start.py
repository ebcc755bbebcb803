"""What starting costs: `import xaiwidgets` beyond torch and numpy, and the sizes that are shipped.
The ceilings of the bundles, of which each carries its widgets whole, are those of js/size.mjs.

python -m benchmarks.start
"""

from __future__ import annotations

import gzip
import re
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
STATIC = ROOT / "xaiwidgets" / "widgets" / "static"
_CODE = """
import time, torch, numpy
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


def import_seconds(statement: str, rounds: int = 9) -> float:
    """Median seconds of a statement in a fresh process that has torch and numpy already."""
    times = []
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", _CODE.format(statement=statement)],
            capture_output=True, text=True, check=True, cwd=ROOT,
        )  # fmt: skip
        times.append(float(done.stdout))
    return statistics.median(times)


def main() -> None:
    print(f"{'what':44}{'measured':>12}{'goal':>10}")
    seconds = import_seconds("import xaiwidgets")
    print(f"{'import xaiwidgets beyond torch and numpy':44}{1000 * seconds:>9.1f} ms{'150 ms':>10}")
    for name in ("Saliency", "compare"):
        seconds = import_seconds(f"from xaiwidgets import {name}")
        print(f"{f'from xaiwidgets import {name}':44}{1000 * seconds:>9.1f} ms{'–':>10}")
    for bundle, ceiling in re.findall(r"(\w+): (\d+)", (ROOT / "js" / "size.mjs").read_text()):
        packed = sum(
            len(gzip.compress((STATIC / f"{bundle}.{kind}").read_bytes(), 9))
            for kind in ("js", "css")
        )
        row = f"{f'{bundle}.js and {bundle}.css, gzip':44}{packed / 1024:>9.1f} KB"
        print(f"{row}{int(ceiling) / 1024:>7.1f} KB")
    for wheel in sorted((ROOT / "dist").glob("*.whl")):
        print(f"{wheel.name[:43]:44}{wheel.stat().st_size / 1e6:>9.2f} MB{'3 MB':>10}")


if __name__ == "__main__":
    main()
