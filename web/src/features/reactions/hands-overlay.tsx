import "./reactions.css";
import { Hand } from "lucide-react";
import { useTranslation } from "react-i18next";
import { useStore } from "../../kit/use-store";
import { handQueue } from "../../session/people";
import { useVisit } from "../visit/context";

/** Names of those who come first; the rest is a number. */
const NAMED = 3;

/** Whose turn it is, over the stage, for everybody to see; a press shows the whole queue. */
export function HandsOverlay() {
  const { t } = useTranslation();
  const { session, ui } = useVisit();
  const people = useStore(session.people);
  const queue = handQueue(people);
  if (queue.length === 0) return null;
  const names = queue.slice(0, NAMED).flatMap((id) => people.get(id)?.name ?? []);
  const more = queue.length - names.length;
  return (
    <button
      type="button"
      className="hands"
      title={t("hands.show")}
      onClick={() => ui.showPanel("people")}
    >
      <Hand className="icon icon-small" aria-hidden="true" />
      <span className="visually-hidden">{t("hands.title")}</span>
      <ol>
        {names.map((name, index) => (
          <li key={queue[index]} dir="auto">
            {name}
          </li>
        ))}
      </ol>
      {more > 0 && <span>{t("hands.more", { number: more })}</span>}
    </button>
  );
}
