import { readFileSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { createPrefs } from "../session/prefs";
import { applyTheme, showThemeColour } from "./theme";

const early = readFileSync("public/theme.js", "utf8");
const theme = () => document.documentElement.dataset["theme"];

afterEach(() => {
  localStorage.clear();
  vi.unstubAllGlobals();
});

test.each([
  ["dark", false],
  ["light", true],
  ["system", true],
  ["system", false],
] as const)("the first paint has the theme of the page: %s, system dark %s", (choice, dark) => {
  vi.stubGlobal("matchMedia", () => ({ matches: dark, addEventListener: () => undefined }));
  createPrefs(localStorage).change({ theme: choice });
  delete document.documentElement.dataset["theme"];
  // The very file that the page loads first.
  // oxlint-disable-next-line typescript/no-implied-eval
  new Function(early)();
  const first = theme();
  applyTheme(() => choice);
  expect(first).toBe(theme());
});

test("damaged storage does not stop the page", () => {
  localStorage.setItem("plenum.prefs", "{");
  // oxlint-disable-next-line typescript/no-implied-eval
  new Function(early)();
  expect(["light", "dark"]).toContain(theme());
});

test("the browser's own bars take the colour of the page", () => {
  document.head.innerHTML = `<meta name="theme-color" content="#000000">`;
  document.documentElement.style.setProperty("--stage", "#123456");
  showThemeColour();
  expect(document.querySelector("meta")?.content).toBe("#123456");
});
