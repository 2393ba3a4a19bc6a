/** What lasts as long as the tab, or `null` where the browser's settings forbid that. */
export function tabStorage(): Storage | null {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}
