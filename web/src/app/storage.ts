/** What this browser remembers between visits, or `null` where its settings forbid that. */
export function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    // Forbidden by the browser's settings: nothing is remembered, everything else works.
    return null;
  }
}
