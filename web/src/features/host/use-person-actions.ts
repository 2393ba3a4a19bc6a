import {
  Hand,
  LockKeyhole,
  Mic,
  MicOff,
  MonitorOff,
  Presentation,
  UserRoundCheck,
  UserRoundX,
  Video,
  VideoOff,
  type LucideIcon,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import type { PersonMedia } from "../../session/media";
import type { Person } from "../../wire/types";
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
  if (isMe) return presenter;
  const { camera, screen } = media;
  return [
    ...(person.handRaisedAt === null
      ? []
      : [action(Hand, t("people.lowerHand"), () => host.lowerHands([person.id]))]),
    media.microphone === "live"
      ? action(MicOff, t("host.mute"), () => host.mute(person.id))
      : action(Mic, t("host.askToUnmute"), () => host.askTo("microphone", person.id)),
    camera
      ? action(VideoOff, t("host.stopCamera"), () => host.stop(person.id, camera.id))
      : action(Video, t("host.askForCamera"), () => host.askTo("camera", person.id)),
    ...(screen
      ? [action(MonitorOff, t("host.stopShare"), () => host.stop(person.id, screen.id))]
      : []),
    ...presenter,
    locks(t("host.locks")),
    remove(t("host.remove.menu")),
  ];
}

