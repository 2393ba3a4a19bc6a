/**
 * The meeting opens in a tab of its own: inside a platform's frame a browser gives out neither camera nor
 * microphone, and this page stays for the recordings.
 */

/** Where a token leads, with the platform's colours. */
export function meetingAddress(token: string, design: Readonly<Record<string, unknown>>): string {
  const query = new URLSearchParams({ access_token: token });
  if (Object.keys(design).length > 0) query.set("custom_design", JSON.stringify(design));
  return `/?${query.toString()}`;
}

/** Opens the tab at once, while the click still counts, and sends it on when the address is there. The address if the
 * browser would not open one. */
export async function openMeeting(address: Promise<string>): Promise<string | null> {
  const tab = window.open("about:blank", "_blank");
  try {
    const there = await address;
    if (tab === null) return there;
    tab.location.replace(new URL(there, window.location.origin).href);
    return null;
  } catch (error) {
    tab?.close();
    throw error;
  }
}
