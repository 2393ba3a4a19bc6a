import "../../../tests/bare-page";
import { expect, test, vi } from "vitest";
import { ANA, BEN, createFakeServer } from "../../../tests/fakes";
import { begun } from "../../../tests/together";
import { PLAYER_EVENT } from "../../wire/activities";
import { correction, positionNow } from "./player";

test("a film that plays moves on with the clock, one that stands does not", () => {
  expect(positionNow({ playing: true, position: 10, at: 1_000 }, 4_500)).toBe(13.5);
  expect(positionNow({ playing: false, position: 10, at: 1_000 }, 4_500)).toBe(10);
});

test.each([
  [10, 10.05, true, null, 1],
  [10, 10.8, true, null, 1.06],
  [10, 9.2, true, null, 0.94],
  [10, 15, true, 15, 1],
  [10, 2, true, 2, 1],
  [10, 10.5, false, 10.5, 1],
])("at %d instead of %d, playing %s", (is, should, playing, seek, rate) => {
  expect(correction(is, should, playing)).toEqual({ seek, rate });
});

test("only the presenter leads", async () => {
  vi.useFakeTimers();
  const server = createFakeServer();
  const presenter = { ...BEN, presenter: true };
  await server.enter([ANA, presenter], {
    room_features: {
      external_media_player_features: { is_allow: true, is_active: true, url: "/a" },
    },
  });
  const { player } = begun(server.session);
  const tell = (fromUserId: string, message: string) =>
    server.tellAll({ id: "d", type: PLAYER_EVENT, fromUserId, message });

  tell("cat", '{"action":"play","seekTo":50}');
  tell("ben", "garbage");
  expect(player.getSnapshot().playing).toBe(false);
  tell("ben", '{"action":"play","seekTo":12.5}');
  expect(player.getSnapshot()).toMatchObject({ playing: true, position: 12.5 });
  tell("ben", '{"action":"seeked","seekTo":30}');
  expect(player.getSnapshot()).toMatchObject({ playing: true, position: 30 });
  server.session.dispose();
  vi.useRealTimers();
});
