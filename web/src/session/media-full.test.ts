import { afterEach, expect, test, vi } from "vitest";
import { saysFull } from "./media-full";

afterEach(() => void vi.unstubAllGlobals());

function server(status: number, text: string) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (address: URL) => {
    asked.push(String(address));
    return new Response(text, { status });
  });
  return asked;
}

test("why a socket was refused is asked where LiveKit's clients ask", async () => {
  const asked = server(503, "the media server is full");
  expect(await saysFull({ url: "wss://meet.example.org/media/", token: "a.b" })).toBe(true);
  expect(asked).toEqual(["https://meet.example.org/media/rtc/validate?access_token=a.b"]);
});

test.each([
  [200, "success"],
  [503, "no new sessions now"],
  [401, "invalid or expired token"],
])("%i, %s, is not that it is full", async (status, text) => {
  server(status, text);
  expect(await saysFull({ url: "ws://localhost", token: "t" })).toBe(false);
});

test("where nobody answers, nobody says that it is full", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("gone")));
  expect(await saysFull({ url: "ws://localhost", token: "t" })).toBe(false);
});
