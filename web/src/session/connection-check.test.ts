import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { flush } from "../../tests/fakes";
import { ConnectionResSchema } from "../wire/gen/plenum/meeting_pb";
import {
  addressOf,
  createConnectionCheck,
  isTrouble,
  NOTHING_YET,
  verdictOf,
  wishes,
  type Findings,
  type Trial,
} from "./connection-check";
import type { Attempt } from "./try-way";

const UDP = "turn:192.0.2.1:8080?transport=udp";
const TCP = "turn:192.0.2.1:8080?transport=tcp";
const TLS = "turns:meet.example.org:443?transport=tcp";

const trial = (means: Trial["means"], ok: boolean): Trial => ({
  means,
  address: `${means}.example.org:1`,
  ok,
  ms: ok ? 30 : null,
  error: null,
});

const found = (part: Partial<Findings>): Findings => ({
  ...NOTHING_YET,
  reachable: true,
  roundTripMs: 20,
  trying: false,
  ...part,
});

describe("the verdict", () => {
  test.each([
    ["checking", NOTHING_YET],
    ["checking", found({ trying: true, trials: [trial("tcp", true)] })],
    ["direct", found({ trying: true, trials: [trial("udp", true)] })],
    ["direct", found({ trials: [trial("tcp", true), trial("udp", true)] })],
    ["tcp", found({ trials: [trial("udp", false), trial("relay", true), trial("tcp", true)] })],
    ["relay", found({ trials: [trial("udp", false), trial("tcp", false), trial("relay", true)] })],
    ["blocked", found({ trials: [trial("udp", false), trial("tcp", false)] })],
    ["unknown", found({})],
    ["off", found({ untried: "off" })],
    ["offline", found({ reachable: false, trials: [trial("udp", true)] })],
    ["slow", found({ trials: [trial("udp", true)], rates: { down: 9e6, up: 1e5 } })],
    ["direct", found({ trials: [trial("udp", true)], rates: { down: 9e6, up: 1e6 } })],
  ] as const)("is %s", (verdict, findings) => {
    expect(verdictOf(findings)).toBe(verdict);
  });

  test("is trouble only where there is something to do", () => {
    expect((["blocked", "slow", "offline", "off"] as const).every(isTrouble)).toBe(true);
    expect((["direct", "tcp", "relay", "unknown", "checking"] as const).some(isTrouble)).toBe(
      false,
    );
  });

  test("names what is to be allowed, and of the streams rather the relay, which passes more networks", () => {
    const trials = [trial("udp", false), trial("tcp", false), trial("relay", false)];
    expect(wishes(trials)).toEqual({ udp: "udp.example.org:1", tcp: "relay.example.org:1" });
    expect(wishes([trial("udp", false), trial("tcp", true)])).toEqual({
      udp: "udp.example.org:1",
      tcp: null,
    });
    expect(addressOf("turn:[2001:db8::1]:8080?transport=udp")).toBe("[2001:db8::1]:8080");
    expect(addressOf("turns:meet.example.org")).toBe("meet.example.org");
  });
});

describe("the check", () => {
  const ways = toBinary(
    ConnectionResSchema,
    create(ConnectionResSchema, {
      status: true,
      ways: [UDP, TCP, TLS].map((url) => ({
        url,
        username: "u",
        password: "p",
        isDirect: url !== TLS,
      })),
    }),
  );
  let clock = 0;
  /** Octets a millisecond. */
  let pace = { down: 100, up: 50 };
  let roundTrip: () => Promise<number>;
  let gets: (url: string) => Promise<Attempt>;
  const asked: string[] = [];
  const session = {
    roundTrip: () => roundTrip(),
    ask: async ({ path, body }: { path: string; body: Uint8Array | null }) => {
      asked.push(path);
      if (path === "plenum/connection") return ways;
      const give = Number(path.split("give=")[1]);
      clock += 20 + give / pace.down + (body?.byteLength ?? 0) / pace.up;
      return new Uint8Array(give);
    },
  };
  const made = () =>
    createConnectionCheck({
      session,
      tryWay: ({ urls }) => gets(String(urls)),
      now: () => clock,
    });
  beforeEach(() => {
    clock = 0;
    asked.length = 0;
    pace = { down: 100, up: 50 };
    roundTrip = async () => 20;
    gets = async () => ({ ok: true, ms: 30, error: null });
  });
  afterEach(() => void vi.restoreAllMocks());

  test("tries every way the server tells of", async () => {
    const tried: string[] = [];
    gets = async (url) => {
      tried.push(url);
      return url === UDP
        ? { ok: false, ms: null, error: "701 no answer" }
        : { ok: true, ms: 30, error: null };
    };
    const check = made();

    check.start();
    await flush();

    expect(tried).toEqual([UDP, TCP, TLS]);
    expect(verdictOf(check.getSnapshot())).toBe("tcp");
    expect(check.getSnapshot().trials[0]).toEqual({
      means: "udp",
      address: "192.0.2.1:8080",
      ok: false,
      ms: null,
      error: "701 no answer",
    });
    expect(asked).toEqual(["plenum/connection"]);
  });

  test("takes the fastest of several answers for the round trip", async () => {
    const trips = [80, 20, 50];
    roundTrip = async () => trips.shift() ?? 0;
    const check = made();
    check.start();
    await flush();
    expect(check.getSnapshot()).toMatchObject({ reachable: true, roundTripMs: 20 });
  });

  test("says that the server is not reached when the line is down", async () => {
    roundTrip = () => Promise.reject(new Error("down"));
    const check = made();
    check.start();
    await flush();
    expect(verdictOf(check.getSnapshot())).toBe("offline");
  });

  test("measures with more and more until it takes long enough, once a look", async () => {
    const check = made();
    check.start();
    await flush();

    check.measure();
    check.measure();
    await vi.waitFor(() => expect(check.getSnapshot().measuring).toBe(false));

    const { rates } = check.getSnapshot();
    expect(Math.round((rates?.down ?? 0) / 1e3)).toBe(800);
    expect(Math.round((rates?.up ?? 0) / 1e3)).toBe(400);
    const octets = asked.filter((path) => path.includes("octets"));
    expect(octets).toEqual(
      [32_768, 262_144, 0].map((give) => `plenum/connection/octets?give=${give}`),
    );
  });

  test("leaves the speed unsaid where a proxy or a limit gives something else", async () => {
    const answers = session.ask;
    vi.spyOn(session, "ask").mockImplementation(async (request) =>
      request.path.includes("octets") ? new Uint8Array(9) : answers(request),
    );
    const check = made();
    check.start();
    check.measure();
    await vi.waitFor(() => expect(check.getSnapshot().measuring).toBe(false));
    expect(check.getSnapshot().rates).toBeNull();
  });

  test("a browser without WebRTC is told from a network that lets nothing through", async () => {
    const check = createConnectionCheck({ session, tryWay: undefined, now: () => clock });
    check.start();
    await flush();
    expect(verdictOf(check.getSnapshot())).toBe("off");
  });

  test("a look that was given up says nothing any more", async () => {
    let answer: (attempt: Attempt) => void = () => undefined;
    gets = () => new Promise((resolve) => void (answer = resolve));
    const check = made();
    check.start();
    await flush();
    check.dispose();
    answer({ ok: true, ms: 1, error: null });
    await flush();
    expect(check.getSnapshot().trials).toEqual([]);
  });
});
