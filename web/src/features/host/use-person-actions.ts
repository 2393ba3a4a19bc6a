import {
  Hand,
  LockKeyhole,
  Mic,
  MicOff,
  MonitorOff,
  Presentation,
  Spotlight,
  UserRoundCheck,
  UserRoundX,
  Video,
  VideoOff,
  type LucideIcon,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import { isUnknown, type PersonMedia } from "../../session/media";
import type { Person, RoomState } from "../../wire/types";
import { useVisit } from "../visit/context";
import { useModeration } from "./use-moderation";

export interface PersonAction {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly run: () => void;
}

/** What a host can do with somebody, and everybody with themselves; what makes no sense now is left out. */
export function usePersonActions(
  person: Person,
  me: Person,
  room: RoomState,
  media: PersonMedia,
): readonly PersonAction[] {
  const { t } = useTranslation();
  const { ui } = useVisit();
  const host = useModeration();
  const isMe = person.id === me.id;
  const action = (icon: LucideIcon, label: string, run: () => unknown): PersonAction => ({
    icon,
    label,
    run: () => void run(),
  });
  const locks = (label: string) =>
    action(LockKeyhole, label, () => ui.showDialog("locks", person.id));
  if (!me.isAdmin) return isMe ? [locks(t("host.myLocks"))] : [];
  const remove = (label: string) =>
    action(UserRoundX, label, () => ui.showDialog("remove", person.id));
  if (person.waiting) {
    return [
      action(UserRoundCheck, t("host.admit"), () => host.admit([person.id])),
      remove(t("host.reject.menu")),
    ];
  }
  const presenter = person.isPresenter
    ? isMe
      ? []
      : [action(Presentation, t("host.takePresenter"), () => host.makePresenter(person.id, false))]
    : [
        action(Presentation, t(isMe ? "host.presentMyself" : "host.makePresenter"), () =>
          host.makePresenter(person.id, true),
        ),
      ];
  const lit = room.spotlight.includes(person.id);
  const spotlight = action(Spotlight, t(lit ? "host.spotlightEnd" : "host.spotlight"), () =>
    host.spotlight(
      lit ? room.spotlight.filter((id) => id !== person.id) : [...room.spotlight, person.id],
    ),
  );
  if (isMe) return [spotlight, ...presenter];
  // Of whom it is not known what is on, everything is there: the server takes off what is off already without a word.
  const unknown = isUnknown(media);
  const live = media.microphone === "live";
  // Hosts may mute each other, and no more.
  const stops = !person.isAdmin;
  const devices = [
    (unknown || live) && action(MicOff, t("host.mute"), () => host.mute(person.id)),
    !live && action(Mic, t("host.askToUnmute"), () => host.askFor("microphone", person.id)),
    stops &&
      (unknown || media.camera) &&
      action(VideoOff, t("host.stopCamera"), () => host.stop(person.id, "camera")),
    (unknown || !media.camera) &&
      action(Video, t("host.askForCamera"), () => host.askFor("camera", person.id)),
    stops &&
      (unknown || media.screen) &&
      action(MonitorOff, t("host.stopShare"), () => host.stop(person.id, "screen")),
  ].filter((each) => each !== false && each !== null);
  return [
    ...(person.handRaisedAt === null
      ? []
      : [action(Hand, t("people.lowerHand"), () => host.lowerHand(person.id))]),
    ...devices,
    spotlight,
    ...presenter,
    locks(t("host.locks")),
    remove(t("host.remove.menu")),
  ];
}
