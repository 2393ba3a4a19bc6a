import "./reactions.css";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { Emoji } from "../../kit/emoji";
import { useStore } from "../../kit/use-store";
import type { Reaction } from "../../session/reactions";
import { useSession } from "../visit/context";

/** Places for the ones that float at the same time, so that they do not hide each other. */
const LANES = 6;

/** Floats up over the stage and is gone; nothing in it is to be pressed. */
export function ReactionsOverlay() {
  const { t } = useTranslation();
  const { reactions, me } = useSession();
  const shown = useStore(reactions);
  useReading(shown, me());
  if (shown.length === 0) return null;
  return (
    <ul className="reactions" aria-label={t("reactions.title")}>
      {shown.map(({ id, emoji, name }) => (
        <li key={id} className="reaction" data-lane={id % LANES}>
          <span className="reaction-emoji" aria-hidden="true">
            <Emoji sign={emoji} />
          </span>
          <span className="visually-hidden">{t(`reactions.names.${emoji}`)}</span>
          {name !== "" && (
            <span className="reaction-name" dir="auto">
              {name}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Reads each one of the others out, once; a storm of the same says it once for each who joins in. */
function useReading(shown: readonly Reaction[], me: string | null) {
  const { t } = useTranslation();
  const read = useRef(0);
  useEffect(() => {
    for (const { id, emoji, name, from } of shown) {
      if (id <= read.current) continue;
      read.current = id;
      if (from === me) continue;
      const reaction = t(`reactions.names.${emoji}`);
      announce(name === "" ? reaction : t("reactions.said", { name, reaction }));
    }
  }, [shown, me, t]);
}
