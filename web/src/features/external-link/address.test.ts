import { expect, test } from "vitest";
import { addressProblem, withParameters, withScheme } from "./address";

test.each([
  ["", "empty"],
  ["   ", "empty"],
  ["http://example.org", "notHttps"],
  ["javascript:alert(1)", "notHttps"],
  ["data:text/html,x", "notHttps"],
  ["no address", "notHttps"],
  ["https://meet.example", "own"],
  ["https://meet.example:8443/page", null],
  ["https://example.org/a?b=c#d", null],
])("%s: %s", (text, expected) => expect(addressProblem(text, "meet.example")).toBe(expected));

test.each([
  ["example.org", "https://example.org"],
  [" https://example.org ", "https://example.org"],
  ["http://example.org", "http://example.org"],
  ["", ""],
])("%s is meant as %s", (typed, meant) => expect(withScheme(typed)).toBe(meant));

test("the page is told only what was ticked, escaped", () => {
  const values = { name: "Ana & Co", userId: "ana", role: "admin", meetingId: "room01" };
  const address = "https://example.org/?a=1";

  expect(withParameters(address, values, new Set())).toBe(address);
  expect(withParameters(address, values, new Set(["name", "role"]))).toBe(
    "https://example.org/?a=1&name=Ana+%26+Co&role=admin",
  );
});
