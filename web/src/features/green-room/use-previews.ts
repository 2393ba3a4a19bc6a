import { useCallback, useEffect, useMemo, useState } from "react";
import { useStore } from "../../kit/use-store";
import {
  createPreview,
  devicePermission,
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
      const [microphone, camera] = await Promise.all([
        devicePermission("audio"),
        devicePermission("video"),
      ]);
      if (!gone) setPermissions({ microphone, camera });
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

  usePreview(previews.microphone, {
    may: rights.microphone.ok,
    wanted: prefs.joinWithMicrophone,
    permission: permissions?.microphone ?? null,
    id: prefs.microphone,
  });
  usePreview(previews.camera, {
    may: rights.camera.ok,
    wanted: prefs.joinWithCamera,
    permission: permissions?.camera ?? null,
    id: prefs.camera,
  });

  const microphone = useStore(previews.microphone);
  const camera = useStore(previews.camera);
  const isUnasked = {
    microphone:
      rights.microphone.ok &&
      prefs.joinWithMicrophone &&
      permissions?.microphone === "prompt" &&
      !microphone.on &&
      microphone.problem === null,
    camera:
      rights.camera.ok &&
      prefs.joinWithCamera &&
      permissions?.camera === "prompt" &&
      !camera.on &&
      camera.problem === null,
  };
  // Allowed and wanted, and not opened yet: whoever is quick must not end up without.
  const isAbout = {
    microphone:
      prefs.joinWithMicrophone &&
      permissions?.microphone === "granted" &&
      rights.microphone.ok &&
      !microphone.on &&
      microphone.problem === null,
    camera:
      prefs.joinWithCamera &&
      permissions?.camera === "granted" &&
      rights.camera.ok &&
      !camera.on &&
      camera.problem === null,
  };
  const unasked = (["microphone", "camera"] as const).filter((device) => isUnasked[device]);
  return {
    ...previews,
    rights,
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
}

function usePreview(preview: Preview, { may, wanted, permission, id }: Wish): void {
  const opens = may && wanted && permission !== null && permission !== "prompt";
  const stays = may && wanted;
  useEffect(() => {
    if (!stays) preview.stop();
    else if (opens) void preview.start(id);
  }, [preview, stays, opens, id]);
  useEffect(() => () => preview.stop(), [preview]);
}
