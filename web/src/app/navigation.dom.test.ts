import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createNavigation } from "./navigation";

const held: (() => void)[] = [];
/** Holds until the end of the test. */
function hold(navigation = createNavigation(), ask: () => void = () => undefined): () => void {
  const letGo = navigation.holdBack(ask);
  held.push(letGo);
  return letGo;
}

beforeEach(() => {
  sessionStorage.clear();
  window.history.replaceState(null, "", "/?access_token=abc");
});

afterEach(() => {
  for (const letGo of held.splice(0)) letGo();
  window.history.replaceState(null, "", "/");
});

/** What the browser does on Back: another entry's state and address, then the event. */
function back(address: string): void {
  window.history.replaceState(null, "", address);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

test("the token leaves the address at once", () => {
  const navigation = createNavigation();
  expect(navigation.getSnapshot()).toEqual({ at: "visit", token: "abc" });
  expect(window.location.search).toBe("");
});

test("Back in a meeting asks instead of leaving, every time", () => {
  const navigation = createNavigation();
  const ask = vi.fn<() => void>();
  hold(navigation, ask);
  back("/#meeting");
  back("/#meeting");
  expect(ask).toHaveBeenCalledTimes(2);
  expect(window.history.state).toEqual({ plenum: "held" });
  expect(navigation.getSnapshot()).toEqual({ at: "visit", token: "abc" });
});

test("closing the tab asks in a meeting and not after it", () => {
  const letGo = hold();
  const close = () => {
    const event = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  };
  expect(close()).toBe(true);
  letGo();
  expect(close()).toBe(false);
});

test("Back works as ever once the meeting is over", () => {
  const navigation = createNavigation();
  const ask = vi.fn<() => void>();
  hold(navigation, ask)();
  back("/");
  expect(ask).not.toHaveBeenCalled();
  expect(navigation.getSnapshot()).toEqual({ at: "front-door" });
});

test("the way home from an ended visit is not led back by the cookie, but a newer one counts", () => {
  document.cookie = "pnm_access_token=one";
  window.history.replaceState(null, "", "/");
  const navigation = createNavigation();
  expect(navigation.getSnapshot()).toEqual({ at: "visit", token: "one" });
  navigation.goHome();
  expect(navigation.getSnapshot()).toEqual({ at: "front-door" });
  expect(createNavigation().getSnapshot()).toEqual({ at: "front-door" });
  document.cookie = "pnm_access_token=two";
  expect(createNavigation().getSnapshot()).toEqual({ at: "visit", token: "two" });
  document.cookie = "pnm_access_token=; max-age=0";
});
