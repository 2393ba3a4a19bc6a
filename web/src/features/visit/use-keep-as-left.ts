import { useEffect } from "react";
import { tabStorage } from "../../kit/tab-storage";
import { keepAsLeft } from "../../session/as-left";
import { useSession } from "./context";

/** After a reload the green room opens with the devices as they are now. */
export function useKeepAsLeft(): void {
  const { room, me, phase, media } = useSession();
  useEffect(() => {
    const sid = room.getSnapshot()?.sid;
    const id = me();
    if (!sid || id === null) return undefined;
    const { microphone, camera } = media;
    const keep = () => {
      // What is switched off at the end was not switched off by anybody.
      if (phase.getSnapshot().at !== "meeting") return;
      keepAsLeft(tabStorage(), sid, id, {
        microphone: microphone.getSnapshot().on,
        camera: camera.getSnapshot().on,
      });
    };
    keep();
    const stops = [microphone.subscribe(keep), camera.subscribe(keep)];
    return () => stops.forEach((stop) => stop());
  }, [room, me, phase, media]);
}
