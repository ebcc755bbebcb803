"""Write `js/src/wire.ts` from `xaiwidgets/widgets/wire.py`, or say (`--check`) that they differ.

The file is read as text, never imported, so that this runs before anything is installed. A
construct that has no rule here stops with its line: the wire stays within what both languages say.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "xaiwidgets" / "widgets" / "wire.py"
TARGET = ROOT / "js" / "src" / "wire.ts"

HEADER = """\
// Written by tools/wire_types.py from xaiwidgets/widgets/wire.py; change that, then run it again.
// Names keep their Python spelling. Bytes arrive as a DataView (some hosts hand over a buffer).
"""

PLAIN = {
    "int": "number",
    "float": "number",
    "str": "string",
    "bool": "boolean",
    "bytes": "DataView",
    "Any": "unknown",
    "None": "null",
}


class UnsaidError(Exception):
    """A piece of Python that has no TypeScript spelling here."""


def spell(node: ast.expr) -> str:
    """One annotation as a TypeScript type."""
    match node:
        case ast.Name(id=name):
            return PLAIN.get(name, name)
        case ast.Constant(value=None):
            return "null"
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return f"{spell(left)} | {spell(right)}"
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            inner = spell(item)
            return f"({inner})[]" if "|" in inner else f"{inner}[]"
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[key, item])):
            return f"Record<{spell(key)}, {spell(item)}>"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            values = choices.elts if isinstance(choices, ast.Tuple) else [choices]
            return " | ".join(json.dumps(ast.literal_eval(value)) for value in values)
    raise UnsaidError(f"line {node.lineno}: no TypeScript for '{ast.unparse(node)}'")


def field(item: ast.AnnAssign) -> str:
    """One key of a TypedDict; NotRequired becomes `?`."""
    name = ast.unparse(item.target)
    kind, mark = item.annotation, ""
    if isinstance(kind, ast.Subscript) and ast.unparse(kind.value) == "NotRequired":
        kind, mark = kind.slice, "?"
    return f"  {name}{mark}: {spell(kind)};"


def interface(node: ast.ClassDef) -> str:
    """A TypedDict as an interface, its docstring as the comment above."""
    words = " ".join((ast.get_docstring(node) or "").split())
    base = ", ".join(spell(base) for base in node.bases if ast.unparse(base) != "TypedDict")
    extends = f" extends {base}" if base else ""
    fields = "\n".join(field(item) for item in node.body if isinstance(item, ast.AnnAssign))
    return f"/** {words} */\nexport interface {node.name}{extends} {{\n{fields}\n}}\n"


def union(name: str, node: ast.expr) -> str:
    line = f"export type {name} = {spell(node)};\n"
    if len(line) <= 101:
        return line
    return f"export type {name} =\n  | " + spell(node).replace(" | ", "\n  | ") + ";\n"


def constant(name: str, kind: ast.expr, value: ast.expr) -> str:
    items = ast.literal_eval(value)
    body = "\n".join(f"  {key}: {json.dumps(item)}," for key, item in items.items())
    return f"export const {name}: {spell(kind)} = {{\n{body}\n}};\n"


def translate(source: str) -> str:
    """The whole module."""
    parts = [HEADER]
    for node in ast.parse(source).body:
        match node:
            case ast.ClassDef():
                parts.append(interface(node))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                parts.append(union(name, value))
            case ast.AnnAssign(
                target=ast.Name(id=name), annotation=kind, value=ast.Dict() as value
            ):
                parts.append(constant(name, kind, value))
            case ast.Import() | ast.ImportFrom() | ast.Expr():
                pass
            case _:
                raise UnsaidError(
                    f"line {node.lineno}: no TypeScript for '{ast.unparse(node)[:60]}'"
                )
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only say whether the two agree")
    options = parser.parse_args()
    text = translate(SOURCE.read_text(encoding="utf-8"))
    if not options.check:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print("js/src/wire.ts differs from wire.py; run: python tools/wire_types.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
