import { useCallback, useEffect, useMemo, useState } from "react";
import { tabStorage } from "../../kit/tab-storage";
import { useStore } from "../../kit/use-store";
import { asLeft } from "../../session/as-left";
import {
  createPreview,
  devicePermissions,
  startTogether,
  type Permission,
  type Preview,
} from "../../session/devices";
import { mayUseCamera, mayUseMicrophone, type Right } from "../../session/rights";
import { usePrefs } from "../settings/prefs-context";
import { useMe, useRoomState, useVisit } from "../visit/context";

export type PreviewDevice = "microphone" | "camera";

export interface Previews {
  readonly microphone: Preview;
  readonly camera: Preview;
  readonly rights: Readonly<Record<PreviewDevice, Right>>;
  /** What to open as a matter of course. */
  readonly wanted: Readonly<Record<PreviewDevice, boolean>>;
  /** Somebody chooses now; how the meeting was left counts no more. */
  decide(device: PreviewDevice): void;
  /** False for the moment in which the browser is asked what is allowed already. */
  readonly settled: boolean;
  /** Wanted as last time, but the browser would ask: opened only after `ask`. */
  readonly unasked: readonly PreviewDevice[];
  ask(): void;
}

type Permissions = Readonly<Record<PreviewDevice, Permission>>;

function usePermissions(): [Permissions | null, (device: PreviewDevice) => void] {
  const [permissions, setPermissions] = useState<Permissions | null>(null);
  useEffect(() => {
    let gone = false;
    const look = async () => {
      const now = await devicePermissions();
      if (!gone) setPermissions(now);
    };
    void look();
    return () => {
      gone = true;
    };
  }, []);
  const granted = useCallback(
    (device: PreviewDevice) =>
      setPermissions((now) => now && { ...now, [device]: "granted" as const }),
    [],
  );
  return [permissions, granted];
}

/** As last time; in this very meeting, as it was left. */
function useWanted(): [Previews["wanted"], Previews["decide"]] {
  const [{ joinWithMicrophone, joinWithCamera }] = usePrefs();
  const { session } = useVisit();
  const sid = useStore(session.room)?.sid;
  const [decided, setDecided] = useState<readonly PreviewDevice[]>([]);
  const left = useMemo(() => {
    const me = session.me();
    return sid === undefined || me === null ? null : asLeft(tabStorage(), sid, me);
  }, [session, sid]);
  const wasOff = (device: PreviewDevice) => left?.[device] === false && !decided.includes(device);
  return [
    {
      microphone: joinWithMicrophone && !wasOff("microphone"),
      camera: joinWithCamera && !wasOff("camera"),
    },
    (device) => setDecided((before) => [...before, device]),
  ];
}

const NOT_YET: Right = { ok: false, why: "off" };

/** Both devices tried out, opened as last time where that needs no question, and let go at the end. */
export function usePreviews(): Previews {
  const { devices } = useVisit();
  const [prefs] = usePrefs();
  const me = useMe();
  const room = useRoomState();
  const [permissions, granted] = usePermissions();
  const previews = useMemo(() => {
    const allowed = (device: PreviewDevice) => () => {
      granted(device);
      void devices.refresh();
    };
    return {
      microphone: createPreview("audio", allowed("microphone")),
      camera: createPreview("video", allowed("camera")),
    };
  }, [devices, granted]);
  const rights = {
    microphone: me && room ? mayUseMicrophone(me, room) : NOT_YET,
    camera: me && room ? mayUseCamera(me, room) : NOT_YET,
  };
  const [wanted, decide] = useWanted();
  const list = useStore(devices);
  const isThere = (chosen: string | null) => list.some(({ id }) => id === chosen);

  usePreview(previews.microphone, {
    may: rights.microphone.ok,
    wanted: wanted.microphone,
    permission: permissions?.microphone ?? null,
    id: prefs.microphone,
    isThere: isThere(prefs.microphone),
  });
  usePreview(previews.camera, {
    may: rights.camera.ok,
    wanted: wanted.camera,
    permission: permissions?.camera ?? null,
    id: prefs.camera,
    isThere: isThere(prefs.camera),
  });

  const microphone = useStore(previews.microphone);
  const camera = useStore(previews.camera);
  const isUnasked = {
    microphone:
      rights.microphone.ok &&
      wanted.microphone &&
      permissions?.microphone === "prompt" &&
      !microphone.on &&
      microphone.problem === null,
    camera:
      rights.camera.ok &&
      wanted.camera &&
      permissions?.camera === "prompt" &&
      !camera.on &&
      camera.problem === null,
  };
  // Allowed and wanted, and not opened yet: whoever is quick must not end up without.
  const isAbout = {
    microphone:
      wanted.microphone &&
      permissions?.microphone === "granted" &&
      rights.microphone.ok &&
      !microphone.on &&
      microphone.problem === null,
    camera:
      wanted.camera &&
      permissions?.camera === "granted" &&
      rights.camera.ok &&
      !camera.on &&
      camera.problem === null,
  };
  const unasked = (["microphone", "camera"] as const).filter((device) => isUnasked[device]);
  return {
    ...previews,
    rights,
    wanted,
    decide,
    settled:
      permissions !== null &&
      me !== null &&
      room !== null &&
      !isAbout.microphone &&
      !isAbout.camera,
    unasked,
    ask() {
      if (unasked.length === 2) {
        void startTogether(previews.microphone, previews.camera, prefs);
      } else for (const device of unasked) void previews[device].start(prefs[device]);
    },
  };
}

interface Wish {
  readonly may: boolean;
  readonly wanted: boolean;
  readonly permission: Permission | null;
  readonly id: string | null;
  /** Whether the one of that id is plugged in. */
  readonly isThere: boolean;
}

function usePreview(preview: Preview, { may, wanted, permission, id, isThere }: Wish): void {
  const opens = may && wanted && permission !== null && permission !== "prompt";
  const stays = may && wanted;
  useEffect(() => {
    if (!stays) preview.stop();
    else if (opens) void preview.start(id);
  }, [preview, stays, opens, id]);
  useEffect(() => {
    // It was away, and another one stood in for it.
    if (isThere && preview.getSnapshot().on) void preview.start(id);
  }, [preview, isThere, id]);
  useEffect(() => () => preview.stop(), [preview]);
}
