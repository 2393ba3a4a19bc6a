import { expect, test } from "vitest";
import { id } from "../../../tests/fakes";
import { NO_MEDIA } from "../../session/media";
import { sharesOf, type TileData } from "./use-tiles";

const screen = (name: string) => ({ id: name, attach: () => () => undefined });
const tile = (name: string, more: { presenter?: boolean; me?: boolean; shares?: boolean } = {}) =>
  ({
    person: { id: id(name), name, isPresenter: more.presenter ?? false },
    media: { ...NO_MEDIA, screen: more.shares === false ? null : screen(name) },
    isMe: more.me ?? false,
    speaking: false,
  }) as TileData;

const order = (tiles: TileData[], ...spotlight: string[]) =>
  sharesOf(tiles, spotlight.map(id)).map(({ name }) => name);

test("of several shared screens the presenter's comes first, the others as they stand", () => {
  expect(order([tile("ana"), tile("ben"), tile("cat", { presenter: true })])).toEqual([
    "cat",
    "ana",
    "ben",
  ]);
});

test("what is in the spotlight comes before the presenter's, in its order", () => {
  const tiles = [tile("ana"), tile("ben", { presenter: true }), tile("cat")];
  expect(order(tiles, "cat", "ana")).toEqual(["cat", "ana", "ben"]);
});

test("my own screen and those who share none are not among them", () => {
  expect(order([tile("ana", { me: true }), tile("ben", { shares: false }), tile("cat")])).toEqual([
    "cat",
  ]);
});
