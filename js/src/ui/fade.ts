/** A strip that scrolls fades at the ends where there is more to see. */
export function fadeEnds(strip: HTMLElement): () => void {
  const fade = (): void => {
    const { scrollLeft, scrollWidth, clientWidth } = strip;
    const more = (hidden: number): string => (hidden > 1 ? "28px" : "0px");
    strip.style.setProperty("--xw-from", more(scrollLeft));
    strip.style.setProperty("--xw-to", more(scrollWidth - clientWidth - scrollLeft));
  };
  const resized = new ResizeObserver(fade);
  resized.observe(strip);
  strip.addEventListener("scroll", fade, { passive: true });
  return () => {
    resized.disconnect();
    strip.removeEventListener("scroll", fade);
  };
}
