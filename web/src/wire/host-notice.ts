/** What the server tells somebody about what a host did to them or asks of them. Loaded when it is needed. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  Device,
  NotSent_Reason as Reason,
  NoticeSchema,
  type NotSent as WireNotSent,
} from "./gen/plenum/meeting_pb";

export type HostedDevice = "microphone" | "camera" | "screen";

/** Why a line of chat went no further. */
export type NotSent = "tooLong" | "tooFast" | "locked" | "lockedYou" | "off" | "gone";

export interface UnsentLine {
  readonly why: NotSent;
  /** `null` where the server could not read which one. */
  readonly id: string | null;
  readonly isPrivate: boolean;
}

/** More lines than the server names at once. */
const MAX_LINES = 100;

export type HostNotice =
  | {
      readonly kind: "asked" | "stopped";
      readonly device: HostedDevice;
      /** The host's name. */
      readonly by: string;
    }
  /** This breakout room ends then, in milliseconds of the server's clock. */
  | { readonly kind: "closing"; readonly at: number }
  /** The latest first; there is at least one. */
  | { readonly kind: "not-sent"; readonly lines: readonly [UnsentLine, ...UnsentLine[]] };

const DEVICES: Partial<Record<Device, HostedDevice>> = {
  [Device.MICROPHONE]: "microphone",
  [Device.CAMERA]: "camera",
  [Device.SCREEN_SHARE]: "screen",
};

const REASONS: Partial<Record<Reason, NotSent>> = {
  [Reason.TOO_LONG]: "tooLong",
  [Reason.TOO_FAST]: "tooFast",
  [Reason.LOCKED_FOR_ALL]: "locked",
  [Reason.LOCKED_FOR_YOU]: "lockedYou",
  [Reason.NOT_OFFERED]: "off",
  [Reason.NOT_HERE]: "gone",
};

function unsentLine({ reason, messageId, isPrivate }: WireNotSent): UnsentLine[] {
  const why = REASONS[reason];
  return why ? [{ why, id: messageId || null, isPrivate }] : [];
}

/** `null` for what this client does not know; the words that came with it say the same. */
export function decodeHostNotice(bytes: Uint8Array): HostNotice | null {
  try {
    const { what } = fromBinary(NoticeSchema, bytes);
    if (what.case === undefined) return null;
    if (what.case === "notSent") {
      const [latest] = unsentLine(what.value);
      if (!latest) return null;
      const others = what.value.others.slice(0, MAX_LINES).flatMap(unsentLine);
      return { kind: "not-sent", lines: [latest, ...others] };
    }
    if (what.case === "closing") return { kind: "closing", at: Number(what.value.closesAt) };
    const device = DEVICES[what.value.device];
    return device === undefined ? null : { kind: what.case, device, by: what.value.byName };
  } catch {
    return null;
  }
}
