import { create, toBinary } from "@bufbuild/protobuf";
import { act, cleanup, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ANA, createFakeServer, flush, type FakeServer } from "../../../tests/fakes";
import { showVisit } from "../../../tests/visit";
import { loadTexts } from "../../i18n";
import { ConnectionResSchema } from "../../wire/gen/plenum/meeting_pb";
import ConnectionNotice from "./connection-notice";

/** Answers on these ways, and on the others says what a browser says. */
function network(lets: (url: string) => boolean) {
  vi.stubGlobal(
    "RTCPeerConnection",
    class extends EventTarget {
      constructor(private readonly config: { iceServers: { urls: string }[] }) {
        super();
      }
      createDataChannel() {}
      close() {}
      async setLocalDescription() {
        const url = this.config.iceServers[0]?.urls ?? "";
        const tell = (candidate: object | null) =>
          this.dispatchEvent(Object.assign(new Event("icecandidate"), { candidate }));
        if (lets(url)) tell({ type: "relay" });
        tell(null);
      }
    },
  );
}

let server: FakeServer;

beforeEach(async () => {
  await loadTexts("connection");
  server = createFakeServer();
  server.answer = (path) => {
    const give = /give=(\d+)/u.exec(path)?.[1];
    if (give !== undefined) return new Uint8Array(Number(give));
    return toBinary(
      ConnectionResSchema,
      create(ConnectionResSchema, {
        status: true,
        ways: ["udp", "tcp"].map((by) => ({
          url: `turn:192.0.2.1:8080?transport=${by}`,
          username: "secret name",
          password: "secret word",
          isDirect: true,
        })),
      }),
    );
  };
});

afterEach(() => {
  cleanup();
  server.session.dispose();
  vi.unstubAllGlobals();
});

async function look() {
  server.session.start();
  await flush();
  server.initialData(ANA);
  showVisit(server, <ConnectionNotice />);
  await act(flush);
}

test("a good line is one quiet word, and the details come when they are wanted", async () => {
  network(() => true);
  await look();
  const line = screen.getByRole("button", { name: "Your connection Good" });
  expect(line.getAttribute("aria-expanded")).toBe("false");
  expect(server.asked.filter(({ path }) => path.includes("octets"))).toEqual([]);

  fireEvent.click(line);
  await waitFor(() => expect(screen.getAllByText(/Mbit\/s/u)).toHaveLength(2));
  expect(screen.getByText("Directly, over UDP")).toBeTruthy();
  expect(screen.getByText("Answered after 20 ms")).toBeTruthy();
});

test("where nothing gets through it says at once what to ask for", async () => {
  network(() => false);
  await look();
  expect(screen.getByRole("button", { name: "Your connection No sound or picture" })).toBeTruthy();
  const advice = screen.getByText(/You can still join, read and write/u).textContent;
  expect(advice).toContain("allow UDP to 192.0.2.1:8080");
  expect(advice).toContain("TURN over TCP or TLS to 192.0.2.1:8080");
});

test("the report says what was found, and nothing that opens anything", async () => {
  network((url) => url.endsWith("tcp"));
  const copied: string[] = [];
  vi.stubGlobal("navigator", {
    ...navigator,
    userAgent: "x",
    clipboard: { writeText: async (text: string) => void copied.push(text) },
  });
  await look();
  fireEvent.click(screen.getByRole("button", { name: "Your connection Works, with a detour" }));
  await act(flush);
  fireEvent.click(screen.getByRole("button", { name: "Copy report" }));
  await act(flush);
  expect(JSON.parse(copied[0] ?? "")).toMatchObject({
    verdict: "tcp",
    media: [
      { by: "udp", address: "192.0.2.1:8080", works: false },
      { by: "tcp", address: "192.0.2.1:8080", works: true },
    ],
  });
  expect(copied[0]).not.toContain("secret");
});
