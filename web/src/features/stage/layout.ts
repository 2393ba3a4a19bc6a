/** Where tiles go: pure geometry, no DOM. */

export interface GridRequest {
  readonly count: number;
  /** The box to fill, in CSS pixels. */
  readonly width: number;
  readonly height: number;
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
