// The notebook bundle is copied into every widget's state, so its size has a ceiling.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const CEILING = 42000;
let total = 0;
for (const name of ["widget.js", "widget.css", "offline.js"]) {
  const file = fileURLToPath(new URL(`../xaiwidgets/widgets/static/${name}`, import.meta.url));
  const plain = readFileSync(file);
  const packed = gzipSync(plain, { level: 9 }).length;
  if (name !== "offline.js") total += packed;
  console.log(`${name.padEnd(12)} ${plain.length} bytes, ${packed} gzip`);
}
console.log(`widget.js + widget.css: ${total} of ${CEILING} bytes gzip`);
if (total > CEILING) process.exit(1);
