import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readHousePictures } from "./house";
import { pictureAddress } from "./pictures";

const ADDRESS = `/backgrounds/${"0a".repeat(16)}.jpg`;

beforeAll(() => {
  vi.stubGlobal("location", new URL("https://meet.example"));
});
afterAll(() => {
  vi.unstubAllGlobals();
});

test("pictures of the operator are those with an address of our own making", () => {
  const pictures = [
    { label: "Hall", address: ADDRESS },
    { label: "Elsewhere", address: "https://other.example/a.jpg" },
    { label: "Else", address: "/backgrounds/../api/secret.jpg" },
    { label: 7, address: ADDRESS },
    null,
  ];
  expect(readHousePictures({ pictures })).toEqual([{ label: "Hall", address: ADDRESS }]);
});

test.each([[null], ["x"], [{}], [{ pictures: "x" }]])("%j has none", (answer) =>
  expect(readHousePictures(answer)).toEqual([]),
);

test("one that was chosen before is found without the list", () => {
  expect(pictureAddress(ADDRESS)).toBe(ADDRESS);
  expect(pictureAddress("/backgrounds/hall.jpg")).toBeNull();
});
