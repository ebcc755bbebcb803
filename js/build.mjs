// Builds what the Python package ships: for every bundle a script and a style for notebooks, and the
// script of its exported pages.
import { readFile, writeFile } from "node:fs/promises";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const out = (name) => here(`../xaiwidgets/widgets/static/${name}`);

// The views are written against Preact; src/view.ts is the part of it that they use (--preact: all of it).
const ours = here("src/view.ts");
const names = ["preact", "preact/hooks", "preact/jsx-runtime", "@preact/signals"];
const alias = argv.includes("--preact")
  ? {}
  : Object.fromEntries(names.map((name) => [name, ours]));

const common = {
  alias,
  absWorkingDir: here("."),
  bundle: true,
  minify: true,
  charset: "utf8",
  legalComments: "none",
  target: ["es2022"],
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "info",
};

const bundles = [
  { name: "widget", entry: "index", offline: "offline" },
  { name: "inside", entry: "inside", offline: "inside-offline" },
  { name: "lesson", entry: "lesson", offline: "lesson-offline" },
];
const jobs = bundles.flatMap(({ name, entry, offline }) => [
  { ...common, entryPoints: [`src/${entry}.ts`], outfile: out(`${name}.js`), format: "esm" },
  { ...common, entryPoints: [`src/styles/${name}.css`], outfile: out(`${name}.css`) },
  { ...common, entryPoints: [`src/${offline}.ts`], outfile: out(`${offline}.js`), format: "iife" },
]);

/** A bundle's resets are for its own widgets: another's may be on the same page, and come later. */
async function nameResets() {
  for (const { name } of bundles) {
    const style = await readFile(out(`${name}.css`), "utf8");
    await writeFile(out(`${name}.css`), style.replaceAll("[data-bundle]", `[data-bundle=${name}]`));
  }
}

for (const job of jobs) {
  if (argv.includes("--watch")) await (await context(job)).watch();
  else await build(job);
}
if (!argv.includes("--watch")) await nameResets();
