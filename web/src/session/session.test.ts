import "../../tests/bare-page";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { FakeTrack } from "../../tests/fake-track";
import { ADMISSION, ANA, BEN, CAT, flush, id } from "../../tests/fakes";
import { kinds, lines, phase, server, startServer, freshServers } from "../../tests/fresh-server";
import { NatsMsgServerToClientEvents as Event } from "../wire/gen/plugnmeet/messaging_pb";
import { SessionError } from "./errors";
import type { Link } from "./link";

freshServers();

const NO_DEVICES = {
  microphone: () => ({ on: false, track: null }),
  camera: () => ({ on: false, track: null }),
};

describe("the way in", () => {
  test("goes through the green room, the users list and the media server in that order", async () => {
    server.session.start();
    await flush();
    expect(phase()).toEqual({ at: "receiving" });
    expect(kinds()).toEqual(["ping", "initial-data"]);

    server.initialData(ANA);
    expect(phase()).toEqual({ at: "ready" });

    server.session.join(NO_DEVICES);
    expect(phase()).toEqual({ at: "entering" });
    server.users([ANA, BEN]);
    server.mediaAccess();
    await flush();
    expect(phase()).toEqual({ at: "meeting" });
    expect(kinds()).toEqual([
      "ping",
      "initial-data",
      "users",
      "media-access",
      "private-data",
      "private-data",
    ]);
    expect([...server.session.people.getSnapshot().keys()]).toEqual(["ana", "ben"]);
  });

  test("ends with the server's reason when the token is refused", async () => {
    startServer({
      verify: () => Promise.reject(new SessionError({ code: "room-full", detail: "" })),
    });
    server.session.start();
    await flush();
    expect(phase()).toMatchObject({ at: "ended", reason: { code: "room-full" } });
  });

  test("ends with a way to retry when a step is not answered", async () => {
    server.session.start();
    await flush();
    vi.advanceTimersByTime(20_000);
    expect(phase()).toMatchObject({ at: "ended", reason: { code: "timeout" } });
  });

  test("asks for people and for media at once, and waits for both", async () => {
    server.session.start();
    await flush();
    server.initialData(ANA);
    server.session.join(NO_DEVICES);
    expect(kinds().slice(-2)).toEqual(["users", "media-access"]);
    server.users([ANA]);
    await flush();
    vi.advanceTimersByTime(20_000);
    expect(phase()).toMatchObject({ at: "ended", reason: { code: "timeout" } });
  });

  test("stays in the waiting room until a host says yes, and then goes on by itself", async () => {
    const waiting = { ...BEN, id: "ana", waiting: true };
    server.session.start();
    await flush();
    server.initialData(waiting);
    server.session.join(NO_DEVICES);
    expect(phase()).toEqual({ at: "waiting" });
    expect(kinds()).not.toContain("users");

    server.changed({ ...waiting, waiting: false });
    expect(phase()).toEqual({ at: "entering" });
    expect(kinds()).toContain("users");
  });

  test("an encrypted room is refused honestly instead of showing noise", async () => {
    server.session.start();
    await flush();
    server.initialData(ANA, {
      room_features: { end_to_end_encryption_features: { is_enabled: true } },
    });
    expect(phase()).toMatchObject({ at: "ended", reason: { code: "encrypted" } });
  });

  test("a microphone joins muted where the room says so, and live elsewhere", async () => {
    server.session.start();
    await flush();
    server.initialData(ANA, { room_features: { mute_on_start: true, allow_webcams: true } });
    server.session.join({
      microphone: () => ({ on: true, track: null }),
      camera: () => ({ on: true, track: null }),
    });
    server.users([ANA]);
    server.mediaAccess();
    await flush();
    expect(server.engine.calls).toEqual(["connect", "publish muted", "camera true"]);
  });

  test.each([
    ["live", {}],
    ["muted", { mute_on_start: true }],
  ])(
    "what is brought along into a room whose locks forbid it is closed, and it is said why, %s",
    async (_, features) => {
      server.session.start();
      await flush();
      const guest = { ...ANA, admin: false };
      server.initialData(guest, {
        room_features: { allow_webcams: true, ...features },
        default_lock_settings: { lock_microphone: true, lock_webcam: true },
      });
      const stop = vi.fn<() => void>();
      const bring = () => ({ on: true, track: { stop } as unknown as MediaStreamTrack });
      server.session.join({ microphone: bring, camera: bring });
      server.users([guest]);
      server.mediaAccess();
      await flush();
      expect(server.engine.calls).toEqual(["connect"]);
      expect(stop).toHaveBeenCalledTimes(2);
      expect(server.session.notices.getSnapshot().map(({ text }) => text)).toEqual([
        { key: "why.locked.microphone" },
        { key: "why.locked.camera" },
      ]);
    },
  );

  test("the meeting is there before sound and picture are, and who switches off meanwhile stays off", async () => {
    let connected = () => {};
    server.engine.connecting = new Promise((resolve) => (connected = resolve));
    server.session.start();
    await flush();
    server.initialData(ANA);
    const on = { on: true, track: null };
    server.session.join({ microphone: () => on, camera: () => on });
    server.mediaAccess();
    await flush();
    expect(phase()).toEqual({ at: "entering" });
    server.users([ANA, BEN]);
    expect(phase()).toEqual({ at: "meeting" });
    const { media } = server.session;
    expect(media.getSnapshot().status).toBe("connecting");
    expect(media.microphone.getSnapshot()).toEqual({ on: true, pending: true });

    media.microphone.want(false);
    connected();
    await flush();
    expect(server.engine.calls).toEqual(["connect", "camera true"]);
    expect(media.microphone.getSnapshot()).toEqual({ on: false, pending: false });
  });

  test("one sees oneself until the camera is published, and a camera that is switched off before is let go", async () => {
    for (const changesMind of [false, true]) {
      startServer();
      let connected = () => {};
      server.engine.connecting = new Promise((resolve) => (connected = resolve));
      server.session.start();
      await flush();
      server.initialData(ANA);
      const track = new FakeTrack("video", "cam").asTrack();
      server.session.join({ ...NO_DEVICES, camera: () => ({ on: true, track }) });
      server.mediaAccess();
      server.users([ANA]);
      await flush();
      const { media } = server.session;
      expect(media.getSnapshot().preview?.id).toBe(track.id);
      if (changesMind) media.camera.want(false);
      await flush();
      expect(media.getSnapshot().preview === null).toBe(changesMind);
      connected();
      await flush();
      expect(media.getSnapshot().preview).toBe(null);
      const after = changesMind ? "release camera" : "camera true";
      expect(server.engine.calls).toEqual(["connect", `adopt ${track.id}`, after]);
    }
  });

  test("bytes that are no message end the way in but not a running meeting", async () => {
    await server.enter([ANA, BEN]);
    server.emit(Event.USER_JOINED, "{broken");
    expect(phase()).toEqual({ at: "meeting" });
  });
});

describe("in the meeting", () => {
  beforeEach(() => server.enter([ANA, BEN]));

  test("people who arrive together are told together", () => {
    server.joined(CAT);
    server.joined({ id: "dan", name: "Dan" });
    expect(server.session.notices.getSnapshot()).toMatchObject([
      {
        group: "joined",
        about: new Map([
          ["cat", "Cat"],
          ["dan", "Dan"],
        ]),
      },
    ]);
  });

  test("someone who loses the line stays for a moment and then leaves", () => {
    server.emit(Event.USER_DISCONNECTED, JSON.stringify({ user_id: "ben", metadata: "{}" }));
    expect(server.session.people.getSnapshot().get(id("ben"))?.online).toBe(false);
    server.emit(Event.USER_OFFLINE, JSON.stringify({ user_id: "ben", metadata: "{}" }));
    expect(server.session.people.getSnapshot().has(id("ben"))).toBe(false);
  });

  test("fields of a newer server do not hide anybody", () => {
    server.emit(
      Event.USER_JOINED,
      JSON.stringify({ user_id: "eva", name: "Eva", hologram: 1, metadata: '{"aura":2}' }),
    );
    expect(server.session.people.getSnapshot().get(id("eva"))?.name).toBe("Eva");
  });

  test("a raised hand shows at once and goes to the server", () => {
    server.session.raiseHand(true, "Ana raised a hand");
    expect(server.session.people.getSnapshot().get(id("ana"))?.handRaisedAt).not.toBeNull();
    expect(server.sent.at(-1)).toEqual({ kind: "raise-hand", text: "Ana raised a hand" });
    server.session.raiseHand(false, "");
    expect(server.sent.at(-1)).toEqual({ kind: "lower-hand" });
  });

  test("a raised hand is told once, although hosts also get the raiser's own words", () => {
    server.changed({ ...BEN, hand: 5 });
    server.emit(Event.SYSTEM_NOTIFICATION, JSON.stringify({ msg: "Ben levanta la mano" }));
    expect(server.session.notices.getSnapshot()).toMatchObject([
      { group: "hand", about: new Map([["ben", "Ben"]]) },
    ]);
  });

  test("a lock from the host stops what is running", async () => {
    server.session.media.camera.want(true);
    await flush();
    server.changed({ ...ANA, admin: false, locks: { lockWebcam: true } });
    server.emit(
      Event.ROOM_METADATA_UPDATE,
      JSON.stringify({ room_title: "Weekly", default_lock_settings: { lock_webcam: true } }),
    );
    await flush();
    expect(server.engine.calls.at(-1)).toBe("camera false");
  });

  test("a host who ends the meeting takes everybody to the ending page", () => {
    server.emit(Event.SESSION_ENDED, "notifications.room-disconnected-room-ended");
    expect(phase()).toMatchObject({ at: "ended", reason: { code: "room-ended" } });
  });

  test("a newer token is kept for the next reconnect", async () => {
    const onToken = vi.fn<(token: string) => void>();
    startServer({ onToken });
    await server.enter([ANA]);
    vi.advanceTimersByTime(3 * 60_000);
    expect(server.sent).toContainEqual({ kind: "renew-token", token: "jwt" });
    server.emit(Event.RESP_RENEW_PNM_TOKEN, "jwt2");
    expect(onToken).toHaveBeenCalledWith("jwt2");
  });
});

describe("media that cannot be had at first", () => {
  const bring = (track: string | null) => () => ({
    on: true,
    track: track === null ? null : ({ id: track, stop: () => undefined } as MediaStreamTrack),
  });

  test("does not keep anybody out, and what was brought along is used when it comes", async () => {
    server.session.start();
    await flush();
    server.initialData(ANA);
    await flush();
    server.session.join({ microphone: bring("mic"), camera: bring(null) });
    server.users([ANA]);
    server.engine.failNext = new Error("no way through");
    server.mediaAccess();
    await flush();
    expect(phase()).toEqual({ at: "meeting" });
    expect(server.session.media.getSnapshot().status).toBe("lost");
    server.session.write(null, "I can still write");
    expect(lines()).toHaveLength(1);

    vi.advanceTimersByTime(2_000);
    expect(kinds().filter((kind) => kind === "media-access")).toHaveLength(2);
    server.mediaAccess();
    await flush();
    expect(server.engine.calls).toEqual(["adopt mic", "connect", "microphone true", "camera true"]);
  });
});

test("a change of mind in the waiting room counts", async () => {
  let on = true;
  server.session.start();
  await flush();
  server.initialData({ ...ANA, waiting: true });
  server.session.join({ ...NO_DEVICES, camera: () => ({ on, track: null }) });
  on = false;
  server.changed(ANA);
  server.users([ANA]);
  server.mediaAccess();
  await flush();
  expect(server.engine.calls).toEqual(["connect"]);
});

describe("the one word of the server for the end", () => {
  const ROOM_ENDED = "notifications.room-disconnected-room-ended";
  const REMOVED = "notifications.room-disconnected-participant-removed";
  const code = () => {
    const now = phase();
    return now.at === "ended" ? now.reason.code : now.at;
  };

  test("means that I ended it, if I did", async () => {
    await server.enter([ANA]);
    const asked = server.session.endForAll();
    server.emit(Event.SESSION_ENDED, ROOM_ENDED);
    await asked;
    expect(code()).toBe("ended-by-you");
  });

  test("means that the time is over, if it is", async () => {
    const started_at = String(Math.floor(Date.now() / 1000) - 30 * 60);
    await server.enter([ANA], { started_at, room_features: { room_duration: "30" } });
    server.emit(Event.SESSION_ENDED, ROOM_ENDED);
    expect(code()).toBe("time-over");
  });

  test("otherwise means no more than it says", async () => {
    await server.enter([ANA]);
    server.emit(Event.SESSION_ENDED, ROOM_ENDED);
    expect(code()).toBe("room-ended");
  });

  test("means in the waiting room that a host did not let me in", async () => {
    server.session.start();
    await flush();
    server.initialData({ ...ANA, waiting: true });
    server.session.join(NO_DEVICES);
    server.emit(Event.SESSION_ENDED, REMOVED);
    expect(code()).toBe("rejected");
  });
});

test("a limited meeting warns before it ends, once per mark", async () => {
  const startedAt = Math.floor(Date.now() / 1000);
  await server.enter([ANA], {
    started_at: String(startedAt),
    room_features: { room_duration: "45" },
  });
  const minutesSaid = () =>
    server.session.notices.history
      .getSnapshot()
      .all.flatMap(({ text }) =>
        "key" in text && text.key === "notice.timeLeft" ? [text.values?.["count"]] : [],
      );
  for (let minute = 0; minute < 45; minute += 1) {
    vi.advanceTimersByTime(60_000);
    server.emit(Event.PONG, String(Date.now()));
  }
  expect(minutesSaid()).toEqual([5, 10, 30]);
});

test("the offer to unmute explains a lock that came meanwhile", async () => {
  await server.enter([{ ...ANA, admin: false }]);
  server.engine.handlers?.onTalkingWhileMuted();
  const offer = server.session.notices.getSnapshot()[0];
  server.changed({ ...ANA, admin: false, locks: { lockMicrophone: true } });
  offer?.action?.run();
  await flush();
  expect(server.engine.calls).toEqual(["connect"]);
  expect(server.session.notices.getSnapshot().map(({ text }) => text)).toContainEqual({
    key: "why.lockedYou.microphone",
  });
});

describe("a machine whose clock is wrong", () => {
  const AHEAD_MS = 3_600_000;
  beforeEach(async () => {
    await server.enter([ANA]);
    server.emit(Event.PONG, String(Date.now() + AHEAD_MS));
  });

  test("writes, raises the hand and hears the meeting at the server's time", () => {
    const now = Date.now() + AHEAD_MS;
    server.session.write(null, "hello");
    server.session.raiseHand(true, "");
    server.emit(Event.SYSTEM_CHAT_MSG, "from the meeting");
    expect(lines().map(({ sentAt }) => sentAt)).toEqual([now, now]);
    expect(server.session.people.getSnapshot().get(id("ana"))?.handRaisedAt).toBe(now);
  });
});

test("a notice without words is no notice", async () => {
  await server.enter([ANA]);
  server.emit(Event.SYSTEM_NOTIFICATION, JSON.stringify({ type: 0, msg: " " }));
  expect(server.session.notices.getSnapshot()).toEqual([]);
});

describe("a visit that nobody looks at any more", () => {
  test("opens nothing, in whichever step of the way in it was left", async () => {
    let admit = () => {};
    const openLink = vi.fn<() => Promise<Link>>();
    startServer({
      verify: () => new Promise((resolve) => (admit = () => resolve(ADMISSION))),
      openLink,
    });
    server.session.start();
    server.session.dispose();
    admit();
    await flush();
    expect(openLink).not.toHaveBeenCalled();

    let opened: (link: Link) => void = () => undefined;
    const close = vi.fn(() => Promise.resolve());
    startServer({ openLink: () => new Promise((resolve) => (opened = resolve)) });
    server.session.start();
    await flush();
    server.session.dispose();
    opened({ close } as unknown as Link);
    await flush();
    expect(close).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("goes in no further, neither from the green room nor from the waiting room", async () => {
    for (const waiting of [false, true]) {
      startServer();
      server.session.start();
      await flush();
      server.initialData({ ...ANA, waiting });
      if (waiting) server.session.join(NO_DEVICES);
      server.session.dispose();
      server.sent.length = 0;
      server.session.join(NO_DEVICES);
      server.changed(ANA);
      expect(server.sent).toEqual([]);
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  test("keeps no token that still comes", async () => {
    const onToken = vi.fn<(token: string) => void>();
    startServer({ onToken });
    await server.enter([ANA]);
    server.session.dispose();
    server.emit(Event.RESP_RENEW_PNM_TOKEN, "jwt2");
    expect(onToken).not.toHaveBeenCalled();
  });

  test.each([
    ["comes about", () => Promise.resolve(), ["connect", "disconnect", "disconnect"]],
    ["fails", () => Promise.reject(new Error("no way")), ["connect", "disconnect"]],
  ])("keeps no media connection, when one %s afterwards", async (_, outcome, calls) => {
    let go = () => {};
    server.engine.connecting = new Promise<void>((resolve) => (go = resolve)).then(outcome);
    await server.enter([ANA]);
    server.session.dispose();
    await flush();
    go();
    await flush();
    expect(server.engine.calls).toEqual(calls);
    expect(server.session.media.getSnapshot().status).toBe("idle");
    expect(vi.getTimerCount()).toBe(0);
  });
});
