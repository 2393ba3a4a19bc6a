import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ExternalLink } from "../../wire/types";
import type { Rect } from "./layout";
import { SharedScreen } from "./shared-screens";
import type { Share } from "./use-tiles";

const PlayerStage = lazy(async () => ({ default: (await import("../player")).PlayerStage }));

const ExternalPage = lazy(async () => {
  const { ExternalPage: Page } = await import("../external-link");
  return { default: Page };
});

interface SharedContentProps {
  /** What everybody shall look at first comes first. */
  readonly shares: readonly Share[];
  readonly link: ExternalLink | null;
  /** The address of what plays. */
  readonly film: string | null;
  readonly place: Rect;
}

/** Not a person's id, of which none has a space. */
const LINK = "the link";
const FILM = "the film";

/** One thing large; with several, a row of names to choose from. */
export function SharedContent({ shares, link, film, place }: SharedContentProps) {
  const { t } = useTranslation();
  const [wanted, setWanted] = useState<string | null>(null);
  const choices = [
    ...shares.map(({ id, name }) => ({ id: id as string, word: t("stage.screenOf", { name }) })),
    ...(film ? [{ id: FILM, word: t("player.label") }] : []),
    ...(link ? [{ id: LINK, word: t("link.page", { host: new URL(link.url).host }) }] : []),
  ];
  const shown = choices.find(({ id }) => id === wanted) ?? choices[0];
  if (!shown) return null;
  const share = shares.find(({ id }) => id === shown.id);
  return (
    <div
      className="shares"
      style={{
        insetInlineStart: place.x,
        insetBlockStart: place.y,
        inlineSize: place.width,
        blockSize: place.height,
      }}
    >
      {choices.length > 1 && (
        <div className="share-picker" role="group" aria-label={t("stage.shares")}>
          {choices.map(({ id, word }) => (
            <button
              key={id}
              type="button"
              className="button button-plain button-small"
              aria-pressed={id === shown.id}
              onClick={() => setWanted(id)}
            >
              {word}
            </button>
          ))}
        </div>
      )}
      {share && <SharedScreen key={share.id} share={share} />}
      {shown.id === FILM && film && (
        <Suspense>
          <PlayerStage key={film} url={film} />
        </Suspense>
      )}
      {shown.id === LINK && link && (
        <Suspense>
          <ExternalPage link={link} />
        </Suspense>
      )}
    </div>
  );
}
