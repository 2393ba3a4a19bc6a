/** Whether the system may be asked to show something while the page is out of sight. */

/** Some browsers, phones above all, have none. */
const supported = (): boolean => "Notification" in window;

export const mayNotify = (): boolean => supported() && Notification.permission === "granted";

/** Whether this browser was told to refuse, which only its own settings can change. */
export const isBlocked = (): boolean => supported() && Notification.permission === "denied";

/** Whether asking can lead anywhere. */
export const canAskToNotify = (): boolean => supported() && !isBlocked();

/** Asks the browser, which asks the person; call it only on a press. */
export async function askToNotify(): Promise<boolean> {
  if (!supported()) return false;
  return (await Notification.requestPermission()) === "granted";
}
