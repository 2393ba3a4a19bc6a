/** What the server tells somebody about what a host did to them or asks of them. Loaded when it is needed. */
import { fromBinary } from "@bufbuild/protobuf";
import { Device, NoticeSchema } from "./gen/plenum/meeting_pb";

export type HostedDevice = "microphone" | "camera" | "screen";

export type HostNotice =
  | {
      readonly kind: "asked" | "stopped";
      readonly device: HostedDevice;
      /** The host's name. */
      readonly by: string;
    }
  /** This breakout room ends then, in milliseconds of the server's clock. */
  | { readonly kind: "closing"; readonly at: number };

const DEVICES: Partial<Record<Device, HostedDevice>> = {
  [Device.MICROPHONE]: "microphone",
  [Device.CAMERA]: "camera",
  [Device.SCREEN_SHARE]: "screen",
};

/** `null` for what this client does not know; the words that came with it say the same. */
export function decodeHostNotice(bytes: Uint8Array): HostNotice | null {
  try {
    const { what } = fromBinary(NoticeSchema, bytes);
    if (what.case === undefined || what.case === "notSent") return null;
    if (what.case === "closing") return { kind: "closing", at: Number(what.value.closesAt) };
    const device = DEVICES[what.value.device];
    return device === undefined ? null : { kind: what.case, device, by: what.value.byName };
  } catch {
    return null;
  }
}
