import { Volume2 } from "lucide-react";
import { useTranslation } from "react-i18next";
import type { ParticipantId } from "../../wire/types";
import type { TileData } from "./use-tiles";

interface SpeakersElsewhereProps {
  readonly tiles: readonly TileData[];
  /** Who is on this page. */
  readonly shown: ReadonlyMap<ParticipantId, unknown>;
}

/** Names who talks without being seen. Those who are seen have their ring. */
export function SpeakersElsewhere({ tiles, shown }: SpeakersElsewhereProps) {
  const { t, i18n } = useTranslation();
  const names = tiles
    .filter(({ speaking, isMe, person }) => speaking && !isMe && !shown.has(person.id))
    .map(({ person }) => person.name);
  if (names.length === 0) return null;
  const list = new Intl.ListFormat(i18n.language, { type: "conjunction" }).format(names);
  return (
    <p className="speakers-elsewhere">
      <Volume2 className="icon icon-small tile-speaking" aria-hidden="true" />
      <span className="tile-name">{t("view.speaking", { names: list })}</span>
    </p>
  );
}
