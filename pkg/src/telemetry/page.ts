// When a page's records must go, for there may be no later.

/** What is listened to; the globals of a document are one. */
export interface Page {
  readonly document: Pick<Document, "addEventListener" | "removeEventListener" | "visibilityState">;
  readonly window: Pick<Window, "addEventListener" | "removeEventListener">;
}

/**
 * Calls `onHide` when the page is hidden (it may come back, or be killed without another word), and when it is left.
 * `pagehide` comes to `window` only; `unload` would cost the page its place in the back/forward cache.
 *
 * @returns removes the listeners.
 */
export function watchPage(page: Page, onHide: (leaving: boolean) => void): () => void {
  const { document, window } = page;
  const onVisibility = () => {
    if (document.visibilityState === "hidden") onHide(false);
  };
  const onPageHide = () => onHide(true);
  // Capturing: no handler of the page's own can stop the event before us.
  document.addEventListener("visibilitychange", onVisibility, true);
  window.addEventListener("pagehide", onPageHide, true);
  return () => {
    document.removeEventListener("visibilitychange", onVisibility, true);
    window.removeEventListener("pagehide", onPageHide, true);
  };
}
