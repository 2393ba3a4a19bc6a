import { expect, test } from "vitest";
import { operatorsPictures, SUPPLIED_IDS, suppliedPicture } from "./pictures";

test("there are at least nine pictures, each of them different and small", () => {
  const pictures = SUPPLIED_IDS.map(suppliedPicture);
  expect(new Set(pictures).size).toBeGreaterThanOrEqual(9);
  for (const picture of pictures) expect(picture.length).toBeLessThan(40_000);
});

test.each(SUPPLIED_IDS)("%s is a drawing that reads and looks the same every time", (id) => {
  const svg = decodeURIComponent(suppliedPicture(id).slice("data:image/svg+xml,".length));
  const root = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  expect(root.tagName).toBe("svg");
  expect(svg).not.toMatch(/NaN|undefined|href|script/u);
  expect(suppliedPicture(id)).toBe(suppliedPicture(id));
});

test("an operator's pictures count if they are on our own origin", () => {
  const config = {
    virtualBackgroundImages: [
      "/house/hall.jpg",
      "house/garden.png",
      "https://other.example/a.jpg",
      7,
    ],
  };
  expect(operatorsPictures(config, "https://meet.example")).toEqual([
    "/house/hall.jpg",
    "/house/garden.png",
  ]);
});

test.each([[undefined], [null], [{}], [{ virtualBackgroundImages: "x" }]])(
  "without a list there are none: %j",
  (config) => expect(operatorsPictures(config, "https://meet.example")).toEqual([]),
);
