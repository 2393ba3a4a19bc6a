import "../../../tests/bare-page";
import { afterEach, expect, test, vi } from "vitest";
import { ANA, BEN, CAT, createFakeServer, id } from "../../../tests/fakes";
import { DataMsgBodyType } from "../../wire/gen/plugnmeet/messaging_pb";
import { createAway } from "./away";

afterEach(() => vi.restoreAllMocks());

const hide = (hidden: boolean) => {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  document.dispatchEvent(new Event("visibilitychange"));
};

async function attending() {
  const server = createFakeServer();
  await server.enter([{ ...ANA, admin: false }, BEN]);
  const away = createAway(server.session);
  const told = () =>
    server.data
      .filter(({ type }) => type === DataMsgBodyType.USER_VISIBILITY_CHANGE)
      .map(({ message }) => message);
  return { server, away, told, end: away.begin() };
}

test("whoever turns to another page tells it, and a host who comes later hears it too", async () => {
  const { server, told, end } = await attending();

  hide(true);
  expect(told()).toEqual(["hidden"]);
  server.joined({ ...CAT, admin: true });
  expect(told()).toEqual(["hidden", "hidden"]);
  hide(false);
  expect(told().at(-1)).toBe("visible");
  end();
  hide(true);
  expect(told().at(-1)).toBe("visible");
});

test("who is elsewhere is remembered until they look again or are gone", async () => {
  const { server, away, end } = await attending();
  const says = (text: string, privately = false) =>
    away.hear({
      kind: "data",
      privately,
      data: {
        kind: "activity",
        from: id("ben"),
        to: null,
        text,
        type: DataMsgBodyType.USER_VISIBILITY_CHANGE,
        bytes: new Uint8Array(),
      },
    });

  expect(says("hidden", true)).toBe(true);
  expect(away.getSnapshot().size).toBe(0);
  says("hidden");
  expect([...away.getSnapshot()]).toEqual(["ben"]);
  says("visible");
  expect(away.getSnapshot().size).toBe(0);
  says("hidden");
  server.users([{ ...ANA, admin: false }]);
  expect(away.getSnapshot().size).toBe(0);
  end();
});
