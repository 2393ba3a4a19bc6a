/** The space bar as push-to-talk: whatever happens while it is held, letting go mutes. */
import { spaceOn } from "./keys";

/** How long the space bar is held on a button before it talks instead of pressing. */
const HOLD_MS = 250;

export interface PushToTalk {
  /** Says whether the key press was taken. */
  down(event: KeyboardEvent): boolean;
  dispose(): void;
}

interface Microphone {
  isOn(): boolean;
  /** Asks for the microphone; a refusal explains itself. */
  start(): void;
  stop(): void;
}

export function createPushToTalk(microphone: Microphone): PushToTalk {
  let talking = false;
  /** The press under way belongs to talking, so the button below must not be pressed by it. */
  let taken = false;
  let byPointer = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const talk = () => {
    taken = true;
    if (microphone.isOn()) return;
    talking = true;
    microphone.start();
  };
  const stop = () => {
    clearTimeout(timer);
    timer = undefined;
    if (!talking) return;
    talking = false;
    microphone.stop();
  };
  const onUp = (event: KeyboardEvent) => {
    if (event.code !== "Space") return;
    // The click of a button comes with the release of the key.
    if (taken) event.preventDefault();
    taken = false;
    stop();
  };
  const onPointer = () => {
    byPointer = true;
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.code !== "Space") byPointer = false;
  };
  const onHidden = () => {
    if (document.hidden) stop();
  };
  // Captured, so that nothing on the page can keep the release of the key to itself.
  window.addEventListener("keyup", onUp, true);
  window.addEventListener("keydown", onKey, true);
  window.addEventListener("pointerdown", onPointer, true);
  window.addEventListener("blur", stop);
  document.addEventListener("visibilitychange", onHidden);

  return {
    down(event) {
      if (event.code !== "Space" || event.ctrlKey || event.altKey || event.metaKey) return false;
      const use = spaceOn(event.target, byPointer);
      if (use === "element") return false;
      if (event.repeat) {
        if (taken) event.preventDefault();
        return true;
      }
      if (use === "talk") {
        event.preventDefault();
        talk();
      } else timer = setTimeout(talk, HOLD_MS);
      return true;
    },
    dispose() {
      stop();
      window.removeEventListener("keyup", onUp, true);
      window.removeEventListener("keydown", onKey, true);
      window.removeEventListener("pointerdown", onPointer, true);
      window.removeEventListener("blur", stop);
      document.removeEventListener("visibilitychange", onHidden);
    },
  };
}
