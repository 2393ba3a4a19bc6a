import { useEffect, useState } from "react";
import { devicePermissions, type Permission } from "../../session/devices";

export type Permissions = Readonly<Record<"microphone" | "camera", Permission>>;

/** What the browser lets this page use, at this moment; followed where it tells of changes. */
export function usePermissionStates(): Permissions | null {
  const [permissions, setPermissions] = useState<Permissions | null>(null);
  useEffect(() => {
    let gone = false;
    const look = async () => {
      const now = await devicePermissions();
      if (!gone) setPermissions(now);
    };
    void look();
    const onChange = () => void look();
    // Devices get their names when they are allowed.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    devices?.addEventListener("devicechange", onChange);
    window.addEventListener("focus", onChange);
    return () => {
      gone = true;
      devices?.removeEventListener("devicechange", onChange);
      window.removeEventListener("focus", onChange);
    };
  }, []);
  return permissions;
}
