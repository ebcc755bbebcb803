// A notebook's bundle is copied into every widget's state, so each has a ceiling: see decisions 0008, 0011 and 0012.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const CEILINGS = { widget: 45600, inside: 30000, lesson: 26500 };

/** Bytes of a shipped file after gzip. */
function packed(name) {
  const file = fileURLToPath(new URL(`../xaiwidgets/widgets/static/${name}`, import.meta.url));
  const plain = readFileSync(file);
  const size = gzipSync(plain, { level: 9 }).length;
  console.log(`${name.padEnd(17)} ${plain.length} bytes, ${size} gzip`);
  return size;
}

packed("offline.js");
packed("inside-offline.js");
packed("lesson-offline.js");
let over = false;
for (const [bundle, ceiling] of Object.entries(CEILINGS)) {
  const total = packed(`${bundle}.js`) + packed(`${bundle}.css`);
  console.log(`${bundle}: ${total} of ${ceiling} bytes gzip`);
  over ||= total > ceiling;
}
if (over) process.exit(1);
