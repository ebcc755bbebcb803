"""Run benchmarks, and keep their tables.

python -m benchmarks                             the usual ones, one table after another
python -m benchmarks methods --quick             as python -m benchmarks.methods --quick
python -m benchmarks --write methods --quick     and put its table into docs/benchmarks.md
python -m benchmarks --write                     the usual ones, all tables into the page
"""

from __future__ import annotations

import argparse

from . import written

USUAL = ("start", "methods", "evaluations", "browser")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="the tables into docs/benchmarks.md")
    parser.add_argument("name", nargs="?", help="one benchmark; what follows are its own options")
    parser.add_argument("options", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    for name in [given.name] if given.name else USUAL:
        print(f"\n=== {written.command_of(name, given.options)}", flush=True)
        printed = written.run(name, given.options)
        if given.write:
            written.write(name, given.options, printed)


if __name__ == "__main__":
    main()
