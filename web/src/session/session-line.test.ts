import "../../tests/bare-page";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { ANA, BEN, flush } from "../../tests/fakes";
import { kinds, phase, server, startServer, freshServers } from "../../tests/fresh-server";
import { NatsMsgServerToClientEvents as Event } from "../wire/gen/plugnmeet/messaging_pb";

freshServers();

describe("the line to the server", () => {
  beforeEach(() => server.enter([ANA, BEN]));

  test("a cut line shows, heals by itself and asks for what was missed", () => {
    server.setLink("down");
    expect(server.session.line.getSnapshot()).toBe("reconnecting");
    expect(phase()).toEqual({ at: "meeting" });
    server.sent.length = 0;
    server.setLink("open");
    expect(server.session.line.getSnapshot()).toBe("good");
    expect(kinds()).toEqual(["online-users", "private-data", "private-data"]);
  });

  test("a silent server is shown, dialled again, and forgiven on its first answer", () => {
    vi.advanceTimersByTime(30_000);
    expect(server.session.line.getSnapshot()).toBe("unresponsive");
    expect(server.redials).toBeGreaterThan(0);
    server.emit(Event.PONG, String(Date.now()));
    expect(server.session.line.getSnapshot()).toBe("good");
  });

  test("a server that is silent for minutes ends the visit with a way back", () => {
    vi.advanceTimersByTime(6 * 60_000);
    expect(phase()).toMatchObject({ at: "ended", reason: { code: "server-silent" } });
  });

  test("a reconnect of the media uses the devices chosen meanwhile", async () => {
    let microphone = "first";
    startServer({ devices: () => ({ microphone, camera: null, speaker: null }) });
    await server.enter([ANA]);
    microphone = "second";
    server.engine.handlers?.onStatus("lost");
    vi.advanceTimersByTime(2_000);
    server.mediaAccess();
    await flush();
    expect(server.engine.calls).toEqual(["connect first", "connect second"]);
  });

  test("a lost device is told with what became of it", async () => {
    await server.enter([ANA]);
    server.engine.handlers?.onDeviceLost({
      kind: "videoinput",
      lost: "Cam",
      next: null,
      wasOff: false,
      denied: false,
    });
    expect(server.session.notices.getSnapshot()).toMatchObject([
      { text: { key: "notice.lost.gone.camera", values: { device: "Cam" } } },
    ]);
  });

  test("media that was lost for good is connected anew, with what was on before", async () => {
    server.session.media.microphone.want(true);
    await flush();
    server.engine.calls.length = 0;
    server.engine.handlers?.onStatus("lost");
    server.sent.length = 0;
    vi.advanceTimersByTime(2_000);
    expect(kinds()).toContain("media-access");
    server.mediaAccess();
    await flush();
    expect(server.engine.calls).toEqual(["connect", "microphone true"]);
    expect(server.session.media.getSnapshot().status).toBe("connected");
  });

  test("while media is made anew nothing is switched on twice, and what does not come back is tried again", async () => {
    const { microphone, camera } = server.session.media;
    microphone.want(true);
    camera.want(true);
    await flush();
    const { calls, handlers } = server.engine;
    calls.length = 0;
    handlers?.onRemaking();

    microphone.want(false);
    await flush();
    expect(calls).toEqual(["microphone false"]);
    microphone.want(true);
    void server.session.media.switchDevice("videoinput", "other");
    await flush();
    expect(calls).toEqual(["microphone false"]);

    handlers?.onRemade({ microphone: false, camera: false, screen: false });
    expect(camera.getSnapshot()).toEqual({ on: true, pending: true });
    await flush();
    expect(calls.slice(1).toSorted()).toEqual([
      "camera true",
      "device videoinput other",
      "microphone true",
    ]);
    expect(microphone.getSnapshot()).toEqual({ on: true, pending: false });

    handlers?.onRemaking();
    server.engine.failNext = Object.assign(new Error("x"), { name: "NotReadableError" });
    handlers?.onRemade({ microphone: true, camera: false, screen: false });
    await flush();
    expect(camera.getSnapshot()).toEqual({ on: false, pending: false });
    expect(server.session.notices.getSnapshot()).toMatchObject([
      { text: { key: "notice.failed.camera" } },
    ]);
  });

  describe("a shared screen that ends", () => {
    const notices = () => server.session.notices.getSnapshot();
    const share = async () => {
      server.session.media.screen.want(true);
      await flush();
    };

    test("with the connection is told until it is shared again, which is offered once that is possible", async () => {
      await share();
      server.engine.handlers?.onStatus("lost");
      expect(notices()).toMatchObject([
        { text: { key: "notice.shareCut" }, sticky: true, alert: "trouble", action: null },
      ]);
      vi.advanceTimersByTime(2_000);
      server.mediaAccess();
      await flush();
      expect(notices()).toMatchObject([{ action: { key: "notice.shareAgain" } }]);

      notices()[0]?.action?.run();
      await flush();
      expect(server.session.media.screen.getSnapshot().on).toBe(true);
      expect(notices()).toEqual([]);
    });

    test("because it does not come back when media is made anew is told", async () => {
      await share();
      server.engine.handlers?.onRemaking();
      server.engine.handlers?.onRemade({ microphone: false, camera: false, screen: false });
      expect(notices()).toMatchObject([
        { text: { key: "notice.shareCut" }, action: { key: "notice.shareAgain" } },
      ]);
    });

    test("where it came from is told for a moment", async () => {
      await share();
      server.engine.handlers?.onShareEnded();
      expect(notices()).toMatchObject([{ text: { key: "notice.shareEnded" }, sticky: false }]);
    });

    test("because its owner ends it, or a host does, is no news", async () => {
      await share();
      server.session.media.screen.want(false);
      await flush();
      await share();
      server.engine.handlers?.onLocal({ microphone: false, camera: false, screen: false });
      server.engine.handlers?.onStatus("lost");
      expect(notices()).toEqual([]);
    });
  });

  test("who switches off while media is connected anew stays off", async () => {
    const { microphone, camera } = server.session.media;
    microphone.want(true);
    camera.want(true);
    await flush();
    server.engine.calls.length = 0;
    let connected = () => {};
    server.engine.connecting = new Promise((resolve) => (connected = resolve));
    server.engine.handlers?.onStatus("lost");
    vi.advanceTimersByTime(2_000);
    server.mediaAccess();
    await flush();
    microphone.want(false);
    connected();
    await flush();
    expect(server.engine.calls).toEqual(["connect", "camera true"]);
    expect(microphone.getSnapshot()).toEqual({ on: false, pending: false });
  });

  test("nothing runs on after leaving", () => {
    server.session.leave();
    expect(phase()).toMatchObject({ at: "ended", reason: { code: "left" } });
    server.sent.length = 0;
    vi.advanceTimersByTime(10 * 60_000);
    expect(server.sent).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
