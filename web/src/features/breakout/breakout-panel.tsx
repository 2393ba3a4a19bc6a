import "../../kit/activity.css";
import "./breakout.css";
import { Plus } from "lucide-react";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useSelected, useStore } from "../../kit/use-store";
import { together } from "../../session/together";
import { EMPTY_ROOMS } from "../../session/together/form-drafts";
import { useMe, useRoomState, useSession } from "../visit/context";
import { CloseRooms } from "./close-rooms";
import { CreateForm } from "./create-form";
import { RoomCard } from "./room-card";
import { TellRooms } from "./tell-rooms";
import { useGoTo } from "./use-go-to";

/** Hosts make, watch and end the rooms; guests see where they may go. */
export function BreakoutPanel() {
  const { t } = useTranslation();
  const session = useSession();
  const goTo = useGoTo();
  const { breakouts, forms } = together(session);
  const { loaded, rooms, mine } = useStore(breakouts);
  const isHost = useMe()?.isAdmin ?? false;
  const limits = useRoomState()?.activities.breakout;
  const draft = useSelected(forms.rooms, ({ value }) => value);
  useEffect(() => breakouts.refresh(), [breakouts]);
  if (!limits) return null;
  if (draft) {
    return (
      <CreateForm
        breakouts={breakouts}
        most={Math.max(1, limits.maxRooms - rooms.length)}
        form={forms.rooms}
        draft={draft}
      />
    );
  }
  const own = mine && !rooms.some(({ id }) => id === mine.id) ? [mine] : [];
  const shown = [...own, ...rooms];
  return (
    <div className="activity">
      {isHost && limits.parent === null && rooms.length < limits.maxRooms && (
        <button
          type="button"
          className={
            rooms.length === 0
              ? "button button-primary activity-main"
              : "button button-plain activity-main"
          }
          onClick={() => forms.rooms.write(EMPTY_ROOMS)}
        >
          <Plus className="icon" aria-hidden="true" />
          {t(rooms.length === 0 ? "breakout.create" : "breakout.createMore")}
        </button>
      )}
      {loaded && shown.length === 0 && (
        <p className="activity-empty muted">
          {t(isHost ? "breakout.emptyHost" : "breakout.empty")}
        </p>
      )}
      <ul className="breakout-rooms" aria-label={t("breakout.title")}>
        {shown.map((room) => (
          <li key={room.id}>
            <RoomCard
              room={room}
              rooms={rooms}
              isHost={isHost}
              isMine={room.id === mine?.id}
              onJoin={() => void goTo(room.id)}
            />
          </li>
        ))}
      </ul>
      {isHost && rooms.length > 0 && (
        <>
          <TellRooms breakouts={breakouts} draft={forms.tell} />
          <CloseRooms breakouts={breakouts} />
        </>
      )}
    </div>
  );
}
