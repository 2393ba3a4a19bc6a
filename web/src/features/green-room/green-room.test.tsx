import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ANA, createFakeServer, flush, type FakePerson } from "../../../tests/fakes";
import { showVisit } from "../../../tests/visit";
import { GreenRoom, joinWords } from "./green-room";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test.each([
  [true, true, false, "both"],
  [true, false, false, "microphone"],
  [false, true, true, "camera"],
  [true, false, true, "muted"],
  [true, true, true, "cameraMuted"],
  [false, false, true, "withoutDevices"],
] as const)(
  "the button says what it does: microphone %s, camera %s, muted %s",
  (mic, cam, muted, words) => {
    expect(joinWords(mic, cam, muted)).toBe(words);
  },
);

/** In front of the door, in a browser that would ask for each device. */
async function ready(me: FakePerson, metadata?: object) {
  const asked: MediaStreamConstraints[] = [];
  const stream = { getTracks: () => [], getAudioTracks: () => [], getVideoTracks: () => [] };
  vi.stubGlobal(
    "MediaStream",
    class {
      getTracks = () => [];
    },
  );
  vi.stubGlobal("AudioContext", undefined);
  vi.stubGlobal("navigator", {
    languages: ["en"],
    userAgent: "x",
    permissions: { query: async () => ({ state: "prompt" }) },
    mediaDevices: {
      addEventListener: () => undefined,
      removeEventListener: () => undefined,
      enumerateDevices: async () => [],
      getUserMedia: async (constraints: MediaStreamConstraints) => {
        asked.push(constraints);
        return constraints.audio
          ? Promise.reject(new DOMException("x", "NotAllowedError"))
          : stream;
      },
    },
  });
  const server = createFakeServer();
  server.session.start();
  await flush();
  server.initialData(me, metadata);
  showVisit(server, <GreenRoom at="ready" />);
  await act(flush);
  return { server, asked };
}

test("nothing is opened before somebody asks for it, and then with one question", async () => {
  const { asked } = await ready(ANA);
  expect(asked).toEqual([]);
  expect(screen.getByText(/Your browser will ask once/u)).toBeTruthy();
  expect(screen.getByRole("button", { name: "Join without devices" }).id).toBe("listenOnlyJoin");
  fireEvent.click(screen.getByRole("button", { name: "Allow microphone and camera" }));
  await act(flush);
  expect(asked).toHaveLength(1);
  expect(asked[0]).toMatchObject({ audio: {}, video: {} });
  expect(screen.getAllByRole("alert")).toHaveLength(2);
});

test("a lock is explained where its switch is", async () => {
  await ready(
    { ...ANA, admin: false },
    { room_features: { admin_only_webcams: true, allow_webcams: true } },
  );
  expect(
    screen.getByText("This meeting was set up so that only hosts show their camera.", {
      selector: "li",
    }),
  ).toBeTruthy();
  expect(screen.getByRole("button", { name: "Turn camera on" }).hasAttribute("disabled")).toBe(
    true,
  );
  expect(screen.getByRole("button", { name: "Allow microphone" })).toBeTruthy();
});

test("what is said while one waits is seen while one waits", async () => {
  const { server } = await ready(ANA);
  act(() => void server.session.notices.show({ text: { plain: "The host is on the way." } }));
  expect(screen.getByText("The host is on the way.")).toBeTruthy();
});
