import {
  Circle,
  CircleAlert,
  CircleStop,
  DoorOpen,
  Hand,
  Info,
  LogOut,
  MessageSquare,
  Mic,
  MicOff,
  MonitorOff,
  MonitorUp,
  Presentation,
  Radio,
  TriangleAlert,
  UserPlus,
  Video,
  VideoOff,
  type LucideIcon,
} from "lucide-react";
import type { Notice } from "../../session/notices";

export interface Face {
  readonly icon: LucideIcon;
  /** Decides the colour. */
  readonly topic: "plain" | "people" | "attention" | "danger";
}

const BY_LEVEL: Readonly<Record<Notice["level"], Face>> = {
  info: { icon: Info, topic: "plain" },
  warning: { icon: TriangleAlert, topic: "attention" },
  error: { icon: CircleAlert, topic: "danger" },
};

const BY_KEY: Readonly<Record<string, Face>> = {
  "notice.joined": { icon: UserPlus, topic: "people" },
  "notice.left": { icon: LogOut, topic: "people" },
  "notice.handRaised": { icon: Hand, topic: "attention" },
  "notice.waiting": { icon: DoorOpen, topic: "attention" },
  "notice.youAreMuted": { icon: MicOff, topic: "attention" },
  "notice.asked.microphone": { icon: Mic, topic: "people" },
  "notice.asked.camera": { icon: Video, topic: "people" },
  "notice.asked.screen": { icon: MonitorUp, topic: "people" },
  "notice.stopped.microphone": { icon: MicOff, topic: "attention" },
  "notice.stopped.camera": { icon: VideoOff, topic: "attention" },
  "notice.stopped.screen": { icon: MonitorOff, topic: "attention" },
  "notice.shareCut": { icon: MonitorOff, topic: "attention" },
  "notice.shareEnded": { icon: MonitorOff, topic: "plain" },
  "notice.systemChat": { icon: MessageSquare, topic: "people" },
  "notice.recordingStarted": { icon: Circle, topic: "danger" },
  "notice.recordingStopped": { icon: CircleStop, topic: "plain" },
  "notice.liveStarted": { icon: Radio, topic: "danger" },
  "notice.liveStopped": { icon: CircleStop, topic: "plain" },
  "notice.youArePresenter": { icon: Presentation, topic: "people" },
  "notice.presents": { icon: Presentation, topic: "people" },
};

/** What a notice is about, at a glance; what is not known goes by how serious it is. */
export const faceOf = ({ text, level }: Pick<Notice, "text" | "level">): Face =>
  ("key" in text ? BY_KEY[text.key] : undefined) ?? BY_LEVEL[level];
