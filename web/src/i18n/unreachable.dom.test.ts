import { expect, test, vi } from "vitest";
import { showLanguage } from ".";

vi.mock("./locales/ar.json", () => {
  throw new Error("the network is gone");
});

test("a language that cannot be fetched leaves the page in English instead of empty", async () => {
  await showLanguage("ar");
  expect(document.documentElement.lang).toBe("en");
  expect(document.documentElement.dir).toBe("ltr");
});
