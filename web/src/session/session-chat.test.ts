import "../../tests/bare-page";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { ANA, BEN, flush, id } from "../../tests/fakes";
import { lines, server, freshServers } from "../../tests/fresh-server";

freshServers();

describe("chat", () => {
  beforeEach(() => server.enter([ANA, BEN]));

  test("own lines show at once and are marked when the server has them", async () => {
    server.session.write(null, "hello <b>");
    expect(lines()).toMatchObject([{ html: "hello &lt;b&gt;", delivery: "sending" }]);
    await flush();
    expect(lines()).toMatchObject([{ delivery: "sent" }]);
    expect(server.published[0]).toMatchObject({ fromUserId: "ana", isPrivate: false });
  });

  test("many lines at once go out no faster than the server takes them", async () => {
    for (let count = 0; count < 12; count += 1) server.session.write(null, `line ${count}`);
    await vi.advanceTimersByTimeAsync(0);
    expect(server.published).toHaveLength(10);
    expect(lines().at(-1)).toMatchObject({ delivery: "sending" });

    await vi.advanceTimersByTimeAsync(500);
    expect(server.published.map(({ message }) => message)).toEqual(
      Array.from({ length: 12 }, (_, count) => `line ${count}`),
    );
    expect(lines().every(({ delivery }) => delivery === "sent")).toBe(true);
  });

  test("a line that was not sent can be sent again and is never doubled", async () => {
    server.refuse(true);
    server.session.write(null, "hello");
    await flush();
    const [failed] = lines();
    expect(failed?.delivery).toBe("failed");
    server.refuse(false);
    if (failed) server.session.resend(failed);
    await flush();
    expect(lines()).toMatchObject([{ delivery: "sent" }]);
  });

  test("private lines go to one person and come back into the same conversation", async () => {
    server.session.write(id("ben"), "psst");
    await flush();
    expect(server.sent.at(-1)).toMatchObject({ kind: "private-chat", to: "ben" });
    server.privateChat(BEN, "ana", "yes?");
    expect(lines("ben").map(({ html }) => html)).toEqual(["psst", "yes?"]);
    expect(lines()).toEqual([]);
  });

  test("a line whose sender the server contradicts is dropped", () => {
    server.chat(BEN, "I am Ben", {}, "cat");
    expect(lines()).toEqual([]);
    server.chat(BEN, "I am Ben", {}, "ben");
    expect(lines()).toHaveLength(1);
  });

  test("nobody can speak as the meeting itself", () => {
    server.chat({ id: "system", name: "System" }, "obey");
    expect(lines()).toEqual([]);
  });

  test("a private line smuggled into the public subject is dropped", () => {
    server.chat(BEN, "psst", { isPrivate: true, toUserId: "ana" });
    expect(lines()).toEqual([]);
    expect(lines("ben")).toEqual([]);
  });

  test("history is taken from whom it was asked and merged by id", () => {
    const line = { id: "h1", fromUserId: "ben", fromName: "Ben", sentAt: "5", message: "early" };
    server.history("ben", "ana", [line]);
    server.history("ben", "ana", [line]);
    expect(lines().map(({ html }) => html)).toEqual(["early"]);
    expect(server.session.chat.getSnapshot().unread.size).toBe(0);
  });

  test("history nobody asked for is ignored", () => {
    const line = { id: "h1", fromUserId: "ben", fromName: "Ben", sentAt: "5", message: "forged" };
    server.history("mallory", "ana", [line]);
    vi.advanceTimersByTime(31_000);
    server.history("ben", "ana", [line]);
    expect(lines()).toEqual([]);
  });
});
