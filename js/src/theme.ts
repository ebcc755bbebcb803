/** Is the page dark? Asked of the host first, then of the colour behind the widget. */

const CHANNELS = /rgba?\(([\d.]+)[, ]+([\d.]+)[, ]+([\d.]+)(?:[,/ ]+([\d.]+%?))?/;

/** Light given off by a CSS colour, 0 … 1; null when it is see-through or not understood. */
export function luminance(colour: string): number | null {
  const parts = CHANNELS.exec(colour);
  if (!parts || (parts[4] !== undefined && Number.parseFloat(parts[4]) < 0.5)) return null;
  return (0.2126 * +parts[1] + 0.7152 * +parts[2] + 0.0722 * +parts[3]) / 255;
}

const parentOf = (node: Element): Element | null =>
  node.parentElement ?? ((node.getRootNode() as ShadowRoot).host || null);

/** Light or dark for the place where `element` stands. */
export function themeAt(element: Element): "light" | "dark" {
  const { jpThemeLight: jupyter, vscodeThemeKind: code } = document.body.dataset;
  if (jupyter) return jupyter === "false" ? "dark" : "light";
  if (code) return code.endsWith("light") ? "light" : "dark";
  for (let at: Element | null = element; at; at = parentOf(at)) {
    const light = luminance(getComputedStyle(at).backgroundColor);
    if (light !== null) return light < 0.5 ? "dark" : "light";
  }
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Keep `data-theme` on the root true while the page changes its theme. */
export function followTheme(root: HTMLElement, signal: AbortSignal): void {
  const set = (): void => {
    const around = parentOf(root);
    root.dataset.theme = around ? themeAt(around) : "light";
  };
  const watcher = new MutationObserver(set);
  const attributeFilter = [
    "class",
    "style",
    "data-jp-theme-light",
    "data-theme",
    "data-vscode-theme-kind",
  ];
  for (const element of [document.documentElement, document.body]) {
    watcher.observe(element, { attributes: true, attributeFilter });
  }
  signal.addEventListener("abort", () => watcher.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", set, { signal });
  set();
}
