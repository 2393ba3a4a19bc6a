import { Search, X } from "lucide-react";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../../kit/icon-button";

interface SearchBoxProps {
  readonly query: string;
  /** How many lines were found, `null` while nothing is looked for. */
  readonly found: number | null;
  readonly onChange: (query: string) => void;
  readonly onClose: () => void;
}

export function SearchBox({ query, found, onChange, onClose }: SearchBoxProps) {
  const { t } = useTranslation();
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => box.current?.focus(), []);
  return (
    <div className="chat-search" role="search">
      <Search className="icon icon-small" aria-hidden="true" />
      <input
        ref={box}
        type="search"
        className="input"
        aria-label={t("chat.searchLabel")}
        placeholder={t("chat.searchLabel")}
        value={query}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          onClose();
        }}
      />
      <span className="chat-search-count muted tabular" role="status">
        {found !== null && t("chat.found", { count: found })}
      </span>
      <IconButton icon={X} label={t("chat.searchClose")} onClick={onClose} />
    </div>
  );
}
