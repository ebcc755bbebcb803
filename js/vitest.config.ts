import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// The same stand-in for Preact as in the bundle; tests/view.test.tsx compares it with the real one.
const ours = fileURLToPath(new URL("src/view.ts", import.meta.url));
const names = [
  "preact/jsx-dev-runtime",
  "preact/jsx-runtime",
  "preact/hooks",
  "@preact/signals",
  "preact",
];

export default defineConfig({
  resolve: { alias: names.map((find) => ({ find: new RegExp(`^${find}$`), replacement: ours })) },
  oxc: { jsx: { runtime: "automatic", importSource: "preact", development: false } },
  test: { environment: "happy-dom", include: ["tests/**/*.test.{ts,tsx}"] },
});
