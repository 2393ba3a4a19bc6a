import { ChevronLeft, ChevronRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";

interface PagerProps {
  readonly page: number;
  readonly pages: number;
  readonly onPage: (page: number) => void;
}

export function Pager({ page, pages, onPage }: PagerProps) {
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
