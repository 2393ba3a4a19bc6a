import { describe, expect, test } from "vitest";
import {
  cornerTowards,
  fitGrid,
  fitOf,
  MAX_TILES,
  MIN_TILE,
  nearestCorner,
  pageOf,
  pageSize,
  planStage,
  type Rect,
  type StageRequest,
} from "./layout";

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

const SHAPES = [
  [1256, 660],
  [374, 680],
  [700, 900],
  [320, 180],
  [150, 60],
] as const;

function request(count: number, more: Partial<StageRequest<string>> = {}): StageRequest<string> {
  const flow = Array.from({ length: count }, (_, index) => `p${index}`);
  return {
    width: 1256,
    height: 660,
    gap: 8,
    flow,
    large: null,
    floating: null,
    corner: "bottom-end",
    page: 0,
    ...more,
  };
}

const apart = (a: Rect, b: Rect) =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

describe("the stage", () => {
  test("nothing leaves the box or lies on something else, whatever is large", () => {
    for (const [width, height] of SHAPES) {
      for (const large of [null, "content", "p0"] as const) {
        for (let count = 1; count <= 30; count += 1) {
          const plan = planStage(request(count, { width, height, large }));
          const rects = [...plan.tiles.values(), ...(plan.content ? [plan.content] : [])];
          rects.forEach((rect, index) => {
            const where = `${count} of ${String(large)} in ${width}x${height}`;
            expect(rect.x, where).toBeGreaterThanOrEqual(0);
            expect(rect.x + rect.width, where).toBeLessThanOrEqual(width);
            expect(rect.y, where).toBeGreaterThanOrEqual(0);
            for (const other of rects.slice(index + 1))
              expect(apart(rect, other), where).toBe(true);
          });
        }
      }
    }
  });

  test("everybody is on exactly one page", () => {
    const seen: string[] = [];
    const first = planStage(request(60));
    for (let page = 0; page < first.pages; page += 1) {
      seen.push(...planStage(request(60, { page })).tiles.keys());
    }
    expect(seen.toSorted()).toEqual(request(60).flow.toSorted());
  });

  test("whoever is large stays there on every page of the others", () => {
    const plan = planStage(request(40, { large: "p0", page: 1 }));
    expect(plan.pages).toBeGreaterThan(1);
    expect(plan.tiles.get("p0")?.width).toBeGreaterThan(900);
  });

  test("a short last row stands in the middle", () => {
    const plan = planStage(request(3));
    const last = plan.tiles.get("p2");
    expect(last && last.x + last.width / 2).toBeCloseTo(628, -1);
  });

  test("on a phone the others are below, on a wide screen beside", () => {
    const wide = planStage(request(4, { large: "content" }));
    const tall = planStage(request(4, { large: "content", width: 374, height: 680 }));
    expect(wide.content).toMatchObject({ height: 660 });
    expect(tall.content).toMatchObject({ width: 374 });
  });

  test.each(["top-start", "top-end", "bottom-start", "bottom-end"] as const)(
    "a tile that floats at %s lies inside what is large",
    (corner) => {
      for (const [width, height] of SHAPES.slice(0, 4)) {
        const large = "p0";
        const plan = planStage(request(1, { width, height, large, floating: "me", corner }));
        const [outer, inner] = [plan.tiles.get(large), plan.tiles.get("me")];
        if (!outer || !inner) throw new Error("somebody is missing");
        expect(inner.x).toBeGreaterThanOrEqual(outer.x);
        expect(inner.x + inner.width).toBeLessThanOrEqual(outer.x + outer.width);
        expect(inner.y).toBeGreaterThanOrEqual(0);
        expect(inner.y + inner.height).toBeLessThanOrEqual(height);
        expect(inner.x < width / 2).toBe(corner.endsWith("start"));
      }
    },
  );

  test("a stage without room shows nothing rather than nonsense", () => {
    expect(planStage(request(5, { width: 0, height: 0 })).tiles.size).toBe(0);
  });
});

test("a tile let go falls into the nearest corner, and arrows go to the one over there", () => {
  const box = { width: 1000, height: 600 };
  expect(nearestCorner({ x: 120, y: 500 }, box)).toBe("bottom-start");
  expect(nearestCorner({ x: 900, y: 80 }, box)).toBe("top-end");
  expect(cornerTowards("bottom-end", "up")).toBe("top-end");
  expect(cornerTowards("top-end", "start")).toBe("top-start");
  expect(cornerTowards("top-start", "start")).toBe("top-start");
});

test("an upright picture is shown whole on a wide tile and fills an upright one", () => {
  expect(fitOf(9 / 16, { width: 400, height: 300 })).toBe("contain");
  expect(fitOf(9 / 16, { width: 300, height: 500 })).toBe("cover");
  expect(fitOf(16 / 9, { width: 400, height: 300 })).toBe("cover");
});

test("several in the spotlight share the large place alike, the others stand beside it", () => {
  const { tiles } = planStage({
    width: 1280,
    height: 720,
    gap: 8,
    flow: ["a", "b", "c", "d"],
    large: "a",
    beside: ["b"],
    floating: null,
    corner: "bottom-end",
    page: 0,
  });
  const [a, b, c] = ["a", "b", "c"].map((name) => tiles.get(name));

  expect(tiles.size).toBe(4);
  expect([a?.width, a?.height]).toEqual([b?.width, b?.height]);
  expect(a?.width).toBeGreaterThan(2 * (c?.width ?? Number.POSITIVE_INFINITY));
  expect((a?.x ?? 0) + (a?.width ?? 0)).toBeLessThanOrEqual(c?.x ?? 0);
});
