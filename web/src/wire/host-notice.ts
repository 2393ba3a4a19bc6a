/** What the server tells somebody about what a host did to them or asks of them. Loaded when it is needed. */
import { fromBinary } from "@bufbuild/protobuf";
import { Device, NotSent_Reason as Reason, NoticeSchema } from "./gen/plenum/meeting_pb";

export type HostedDevice = "microphone" | "camera" | "screen";

/** Why a line of chat went no further. */
export type NotSent = "tooLong" | "tooFast" | "locked" | "lockedYou" | "off" | "gone";

export type HostNotice =
  | {
      readonly kind: "asked" | "stopped";
      readonly device: HostedDevice;
      /** The host's name. */
      readonly by: string;
    }
  /** This breakout room ends then, in milliseconds of the server's clock. */
  | { readonly kind: "closing"; readonly at: number }
  | {
      readonly kind: "not-sent";
      readonly why: NotSent;
      /** `null` where the server could not read which one. */
      readonly lineId: string | null;
      readonly isPrivate: boolean;
    };

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

/** `null` for what this client does not know; the words that came with it say the same. */
export function decodeHostNotice(bytes: Uint8Array): HostNotice | null {
  try {
    const { what } = fromBinary(NoticeSchema, bytes);
    if (what.case === undefined) return null;
    if (what.case === "notSent") {
      const { reason, messageId, isPrivate } = what.value;
      const why = REASONS[reason];
      return why ? { kind: "not-sent", why, lineId: messageId || null, isPrivate } : null;
    }
    if (what.case === "closing") return { kind: "closing", at: Number(what.value.closesAt) };
    const device = DEVICES[what.value.device];
    return device === undefined ? null : { kind: what.case, device, by: what.value.byName };
  } catch {
    return null;
  }
}
