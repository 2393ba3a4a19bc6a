import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createPushToTalk, type PushToTalk } from "./push-to-talk";

let talk: PushToTalk;
let on: boolean;
let pressed: number;
let button: HTMLButtonElement;

beforeEach(() => {
  vi.useFakeTimers();
  document.body.innerHTML = `<div class="toolbar"><button>Leave</button></div><p>x</p>`;
  button = document.querySelector("button") as HTMLButtonElement;
  on = false;
  pressed = 0;
  talk = createPushToTalk({
    isOn: () => on,
    start: () => void (on = true),
    stop: () => void (on = false),
  });
  window.addEventListener("keydown", talk.down);
});

afterEach(() => {
  window.removeEventListener("keydown", talk.down);
  talk.dispose();
  vi.useRealTimers();
});

/** Presses or lets go of a key; a release that nobody prevents presses a button, as browsers do. */
function key(type: "keydown" | "keyup", target: Element = document.body, more: object = {}): void {
  const event = new KeyboardEvent(type, {
    code: "Space",
    bubbles: true,
    cancelable: true,
    ...more,
  });
  if (target.dispatchEvent(event) && type === "keyup" && target === button) pressed += 1;
}

test("the microphone is on while the space bar is held", () => {
  key("keydown");
  expect(on).toBe(true);
  key("keyup");
  expect(on).toBe(false);
});

test("a microphone that is on already stays on", () => {
  on = true;
  key("keydown");
  key("keyup");
  expect(on).toBe(true);
});

test("after a click with the mouse the space bar talks and never presses the button again", () => {
  button.dispatchEvent(new Event("pointerdown", { bubbles: true }));
  key("keydown", button);
  expect(on).toBe(true);
  key("keyup", button);
  expect([on, pressed]).toEqual([false, 0]);
});

test("a button reached with the keyboard is pressed by a short press and not by holding", () => {
  key("keydown", button, { code: "Tab" });
  key("keydown", button);
  key("keyup", button);
  expect([on, pressed]).toEqual([false, 1]);
  key("keydown", button);
  vi.advanceTimersByTime(300);
  expect(on).toBe(true);
  key("keyup", button);
  expect([on, pressed]).toEqual([false, 1]);
});

test.each<[string, () => void]>([
  ["the window loses the focus", () => window.dispatchEvent(new Event("blur"))],
  ["the meeting is left", () => talk.dispose()],
  [
    "something on the page swallows the release",
    () => {
      const swallow = (event: Event) => event.stopPropagation();
      document.body.addEventListener("keyup", swallow);
      key("keyup");
      document.body.removeEventListener("keyup", swallow);
    },
  ],
])("nobody is left talking when %s", (_, happens) => {
  key("keydown");
  expect(on).toBe(true);
  happens();
  expect(on).toBe(false);
});
