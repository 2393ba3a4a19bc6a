import { ChevronLeft, ChevronRight } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";
import { useBox } from "../../kit/use-box";
import { fitGrid, pageOf, pageSize } from "./layout";
import type { TileData } from "./use-tiles";

const GAP = 10;

interface FluidGridProps {
  readonly tiles: readonly TileData[];
  readonly draw: (tile: TileData, size: { width: number; height: number }) => ReactNode;
}

/** Everybody at the largest size that fits; pages only when tiles would become too small. */
export function FluidGrid({ tiles, draw }: FluidGridProps) {
  const [ref, { width, height }] = useBox();
  const [wanted, setWanted] = useState(0);
  const box = { width, height, gap: GAP };
  const { items, page, pages } = pageOf(tiles, wanted, pageSize(box));
  const { tileWidth, tileHeight } = fitGrid({ count: items.length, ...box });
  return (
    <div className="grid-frame">
      <div className="grid" ref={ref}>
        {width > 0 && items.map((tile) => draw(tile, { width: tileWidth, height: tileHeight }))}
      </div>
      {pages > 1 && <Pager page={page} pages={pages} onPage={setWanted} />}
    </div>
  );
}

interface PagerProps {
  readonly page: number;
  readonly pages: number;
  readonly onPage: (page: number) => void;
}

function Pager({ page, pages, onPage }: PagerProps) {
  const { t } = useTranslation();
  return (
    <div className="pager">
      <IconButton
        icon={ChevronLeft}
        className="flip-rtl"
        label={t("stage.previous")}
        aria-disabled={page === 0}
        onClick={() => onPage(Math.max(0, page - 1))}
      />
      <span className="tabular">{t("stage.page", { page: page + 1, pages })}</span>
      <IconButton
        icon={ChevronRight}
        className="flip-rtl"
        label={t("stage.next")}
        aria-disabled={page === pages - 1}
        onClick={() => onPage(Math.min(pages - 1, page + 1))}
      />
    </div>
  );
}
