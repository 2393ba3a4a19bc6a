import "./host.css";
import { Coffee } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../../kit/announcer";
import { useStore } from "../../kit/use-store";
import { useMe, useRoomState, useSession } from "../visit/context";
import { useModeration } from "./use-moderation";

/** That the meeting is at rest, for everybody; for hosts also who did it and the way back. */
export function RestBanner() {
  const { t } = useTranslation();
  const { people } = useSession();
  const all = useStore(people);
  const room = useRoomState();
  const isHost = useMe()?.isAdmin ?? false;
  const { rest } = useModeration();
  const resting = room?.restingSince != null;
  useEffect(() => {
    if (resting) announce(t("rest.title"));
  }, [resting, t]);
  if (!room || !resting) return null;
  const by = room.restingBy === null ? undefined : all.get(room.restingBy)?.name;
  return (
    <div className="rest-banner">
      <Coffee className="icon" aria-hidden="true" />
      <p>
        <strong>{t("rest.title")}</strong>{" "}
        {isHost
          ? by === undefined
            ? t("rest.leadHost")
            : t("rest.leadBy", { name: by })
          : t("rest.lead")}
      </p>
      {isHost && (
        <button
          type="button"
          className="button button-second button-small"
          onClick={() => void rest(false)}
        >
          {t("rest.undo")}
        </button>
      )}
    </div>
  );
}
