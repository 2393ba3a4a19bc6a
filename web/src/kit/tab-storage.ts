/** What goes with the tab: there after a reload, gone when it is closed. `null` where the browser forbids it. */
export function tabStorage(): Storage | null {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}
