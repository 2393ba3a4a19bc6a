import { describe, expect, test } from "vitest";
import { fitGrid, MAX_TILES, MIN_TILE, pageOf, pageSize } from "./layout";

describe("the fluid grid", () => {
  test.each([
    ["one person fills a wide box", 1, 1600, 900, 1, 1],
    ["two sit side by side on a wide screen", 2, 1280, 640, 2, 1],
    ["two sit above each other on a phone", 2, 360, 600, 1, 2],
    ["four make a square", 4, 1280, 640, 2, 2],
    ["nine make three rows", 9, 1280, 700, 3, 3],
    ["six on a phone make two columns", 6, 360, 560, 2, 3],
  ])("%s", (_, count, width, height, columns, rows) => {
    expect(fitGrid({ count, width, height, gap: 10 })).toMatchObject({ columns, rows });
  });

  test("tiles never leave the box, whatever its shape", () => {
    for (let count = 1; count <= 30; count += 1) {
      for (const [width, height] of [
        [1920, 1080],
        [360, 640],
        [800, 200],
        [200, 800],
      ] as const) {
        const { columns, rows, tileWidth, tileHeight } = fitGrid({ count, width, height, gap: 8 });
        expect(columns * rows).toBeGreaterThanOrEqual(count);
        expect(columns * tileWidth + (columns - 1) * 8).toBeLessThanOrEqual(width);
        expect(rows * tileHeight + (rows - 1) * 8).toBeLessThanOrEqual(height);
      }
    }
  });

  test("a box without room yields no negative sizes", () => {
    expect(fitGrid({ count: 5, width: 0, height: 0, gap: 10 })).toMatchObject({
      tileWidth: 0,
      tileHeight: 0,
    });
  });
});

describe("pages", () => {
  test("a big screen holds as many as are ever shown at once", () => {
    expect(pageSize({ width: 1920, height: 1000, gap: 10 })).toBe(MAX_TILES);
  });

  test("a page never makes tiles smaller than a face needs", () => {
    const box = { width: 360, height: 560, gap: 10 };
    const grid = fitGrid({ count: pageSize(box), ...box });
    expect(grid.tileWidth).toBeGreaterThanOrEqual(MIN_TILE.width);
    expect(grid.tileHeight).toBeGreaterThanOrEqual(MIN_TILE.height);
  });

  test("when people leave, a page that is gone becomes the last one", () => {
    expect(pageOf([1, 2, 3], 7, 2)).toEqual({ items: [3], page: 1, pages: 2 });
    expect(pageOf([], 3, 2)).toEqual({ items: [], page: 0, pages: 1 });
  });
});
