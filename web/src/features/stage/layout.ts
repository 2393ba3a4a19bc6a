/** Where everything on the stage goes: pure geometry, no DOM. Distances are CSS pixels, `x` from where one begins to read. */
import type { Corner } from "../../session/prefs";

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Rect extends Size {
  readonly x: number;
  readonly y: number;
}

export interface GridRequest extends Size {
  readonly count: number;
  readonly gap: number;
}

export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly tileWidth: number;
  readonly tileHeight: number;
}

/** Tiles may be between upright and wide; faces survive both. */
const MIN_RATIO = 6 / 5;
const MAX_RATIO = 16 / 9;

/** The arrangement that gives each tile the largest area. */
export function fitGrid({ count, width, height, gap }: GridRequest): Grid {
  let best: Grid = { columns: 1, rows: Math.max(1, count), tileWidth: 0, tileHeight: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const cellWidth = (width - gap * (columns - 1)) / columns;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    if (cellWidth <= 0 || cellHeight <= 0) continue;
    const ratio = Math.min(MAX_RATIO, Math.max(MIN_RATIO, cellWidth / cellHeight));
    const tileWidth = Math.floor(Math.min(cellWidth, cellHeight * ratio));
    const tileHeight = Math.floor(Math.min(cellHeight, tileWidth / ratio));
    if (tileWidth * tileHeight > best.tileWidth * best.tileHeight) {
      best = { columns, rows, tileWidth, tileHeight };
    }
  }
  return best;
}

/** Smaller tiles show nobody; the rest goes to the next page. */
export const MIN_TILE = { width: 150, height: 100 } as const;
export const MAX_TILES = 24;

/** How many tiles a page of this box holds. */
export function pageSize({ width, height, gap }: Omit<GridRequest, "count">): number {
  for (let count = MAX_TILES; count > 1; count -= 1) {
    const grid = fitGrid({ count, width, height, gap });
    if (grid.tileWidth >= MIN_TILE.width && grid.tileHeight >= MIN_TILE.height) return count;
  }
  return 1;
}

/** One page of a list; a page that no longer exists becomes the last one. */
export function pageOf<T>(
  items: readonly T[],
  page: number,
  size: number,
): { readonly items: readonly T[]; readonly page: number; readonly pages: number } {
  const pages = Math.max(1, Math.ceil(items.length / size));
  const actual = Math.min(Math.max(0, page), pages - 1);
  return { items: items.slice(actual * size, (actual + 1) * size), page: actual, pages };
}

/** A picture taken upright is shown whole on a wide tile: cutting it to fit would leave a nose. */
export function fitOf(picture: number, tile: Size): "cover" | "contain" {
  return picture < 1 && tile.width > tile.height ? "contain" : "cover";
}

export interface StageRequest<T> extends Size {
  readonly gap: number;
  /** Who has a tile among the others, in order. */
  readonly flow: readonly T[];
  /** What is large: somebody, shared content, or nothing, which makes it a grid. */
  readonly large: T | "content" | null;
  /** Who shares the large place with the first. */
  readonly beside?: readonly T[];
  /** Who floats in a corner. */
  readonly floating: T | null;
  readonly corner: Corner;
  readonly page: number;
  /** More than so many are never on one page; `null` leaves it to the room there is. */
  readonly most?: number | null;
}

export interface StagePlan<T> {
  /** Who is on this page and where. The floating one is among them. */
  readonly tiles: ReadonlyMap<T, Rect>;
  readonly content: Rect | null;
  readonly page: number;
  readonly pages: number;
  /** How many of the flow one page holds. */
  readonly perPage: number;
}

/** Room for the buttons between pages. */
export const PAGER_HEIGHT = 40;
/** Wider than this, a single picture would lose forehead and chin. */
const LARGE_RATIO = 2;

export function planStage<T>(request: StageRequest<T>): StagePlan<T> {
  const { width, height } = request;
  if (width <= 0 || height <= 0)
    return { tiles: new Map(), content: null, page: 0, pages: 1, perPage: 1 };
  const whole = request.large === null ? planGrid(request) : planFocus(request);
  if (whole.pages === 1) return whole;
  const rest = { ...request, height: Math.max(1, height - PAGER_HEIGHT) };
  return request.large === null ? planGrid(rest) : planFocus(rest);
}

const atMost = ({ most = null }: Pick<StageRequest<unknown>, "most">, room: number): number =>
  most === null ? room : Math.min(most, room);

function planGrid<T>(request: StageRequest<T>): StagePlan<T> {
  const { width, height, gap, flow } = request;
  const perPage = atMost(request, pageSize(request));
  const { items, page, pages } = pageOf(flow, request.page, perPage);
  const tiles = gridIn(items, { x: 0, y: 0, width, height }, gap);
  float(tiles, request, { x: 0, y: 0, width, height });
  return { tiles, content: null, page, pages, perPage };
}

/** All of these in one place, alike and as large as they can be. */
function gridIn<T>(items: readonly T[], place: Rect, gap: number): Map<T, Rect> {
  const { width, height } = place;
  const { columns, tileWidth, tileHeight } = fitGrid({ count: items.length, width, height, gap });
  const rows = Math.ceil(items.length / columns);
  const top = (height - rows * tileHeight - (rows - 1) * gap) / 2;
  const tiles = new Map<T, Rect>();
  items.forEach((item, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, items.length - row * columns);
    // A short last row stands in the middle.
    const start = (width - inRow * tileWidth - (inRow - 1) * gap) / 2;
    tiles.set(item, {
      x: place.x + Math.floor(start + (index - row * columns) * (tileWidth + gap)),
      y: place.y + Math.floor(top + row * (tileHeight + gap)),
      width: tileWidth,
      height: tileHeight,
    });
  });
  return tiles;
}

const between = (low: number, value: number, high: number): number =>
  Math.round(Math.min(high, Math.max(low, value)));

/** Something large and the others in a strip: beside it, or below where the stage is taller than wide. */
function planFocus<T>(request: StageRequest<T>): StagePlan<T> {
  const { width, height, gap, flow, large } = request;
  const below = width < 560 || height > width;
  const small = below
    ? { width: between(104, width * 0.28, 150), height: between(78, width * 0.21, 112) }
    : { width: between(150, width * 0.18, 230), height: between(94, width * 0.1125, 144) };
  const giants = large === null || large === "content" ? [] : [large, ...(request.beside ?? [])];
  const others = flow.filter((item) => !giants.includes(item));
  const along = below ? width : height;
  const step = (below ? small.width : small.height) + gap;
  const perPage = atMost(request, Math.max(1, Math.floor((along + gap) / step)));
  const { items, page, pages } = pageOf(others, request.page, perPage);
  const taken = items.length === 0 ? 0 : gap + (below ? small.height : small.width);
  const place: Rect = {
    x: 0,
    y: 0,
    width: Math.max(1, below ? width : width - taken),
    height: Math.max(1, below ? height - taken : height),
  };
  const tiles = new Map<T, Rect>();
  const [only] = giants;
  if (only !== undefined && giants.length === 1) tiles.set(only, notTooWide(place));
  else for (const [item, at] of gridIn(giants, place, gap)) tiles.set(item, at);
  // A row that is not full stands in the middle; a column begins at the top.
  const start = below ? Math.max(0, (along + gap - items.length * step) / 2) : 0;
  items.forEach((item, index) => {
    const offset = Math.floor(start + index * step);
    const at = below ? { x: offset, y: place.height + gap } : { x: place.width + gap, y: offset };
    tiles.set(item, { ...at, ...small });
  });
  float(tiles, request, place);
  return { tiles, content: large === "content" ? place : null, page, pages, perPage };
}

function notTooWide(place: Rect): Rect {
  const width = Math.floor(Math.min(place.width, place.height * LARGE_RATIO));
  return { ...place, width, x: place.x + Math.floor((place.width - width) / 2) };
}

const FLOAT_INSET = 12;

/** Puts who floats into their corner of what is large. */
function float<T>(tiles: Map<T, Rect>, request: StageRequest<T>, around: Rect): void {
  const { floating, large, corner } = request;
  if (floating === null) return;
  const ground = large === null || large === "content" ? around : (tiles.get(large) ?? around);
  const upright = ground.height > ground.width;
  const width = between(96, ground.width * (upright ? 0.28 : 0.2), upright ? 140 : 240);
  const height = Math.round(upright ? (width * 4) / 3 : (width * 5) / 8);
  const far = { x: ground.width - width - FLOAT_INSET, y: ground.height - height - FLOAT_INSET };
  tiles.set(floating, {
    x: ground.x + (corner.endsWith("start") ? FLOAT_INSET : far.x),
    y: ground.y + (corner.startsWith("top") ? FLOAT_INSET : far.y),
    width,
    height,
  });
}

/** The corner a floating tile falls into when it is let go there. */
export function nearestCorner(
  middle: { readonly x: number; readonly y: number },
  box: Size,
): Corner {
  const across = middle.x < box.width / 2 ? "start" : "end";
  return middle.y < box.height / 2 ? `top-${across}` : `bottom-${across}`;
}

/** The corner beside this one in the direction of an arrow key, or the same one at the edge. */
export function cornerTowards(corner: Corner, towards: "up" | "down" | "start" | "end"): Corner {
  const [vertical, horizontal] = corner.split("-") as ["top" | "bottom", "start" | "end"];
  switch (towards) {
    case "up":
      return `top-${horizontal}`;
    case "down":
      return `bottom-${horizontal}`;
    default:
      return `${vertical}-${towards}`;
  }
}
