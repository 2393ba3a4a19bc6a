/** From the green room into the meeting: asked to join, let in, the list of people, sound and picture. */
import type { MediaAccess, ParticipantId, Person, RoomState } from "../wire/types";
import type { ClientEvent } from "../wire/encode";
import type { Bringing, JoinChoice, Phase } from "./contract";
import type { DeviceChoice, Media } from "./media";
import { createMediaRecovery, type MediaRecovery } from "./media-recovery";
import type { PeopleStore } from "./people";
import type { Switches } from "./switches";

interface Around {
  readonly people: PeopleStore;
  readonly media: Media;
  readonly switches: Switches;
  readonly cleanups: (() => void)[];
  /** The devices chosen at this moment. */
  devices(): DeviceChoice;
  me(): ParticipantId | null;
  myself(): Person | undefined;
  room(): RoomState | undefined;
  phase(): Phase["at"];
  at(where: Exclude<Phase["at"], "ended">): void;
  send(event: ClientEvent): void;
  /** The server has so long for the step that was just asked for, and then it has come. */
  expectAnswer(): void;
  answered(): void;
  /** Once the list of people is there: the room's own subjects, and what was said before. */
  onListed(): void;
}

export interface Entrance {
  join(choice: JoinChoice): void;
  /** Goes on by itself where somebody who waited may come in. */
  admitIfApproved(): void;
  users(list: readonly Person[], first: boolean): void;
  mediaAccess(access: MediaAccess): void;
  /** Whether the list of people was asked for before. */
  listed(): boolean;
}

export function createEntrance(around: Around): Entrance {
  const { people, media, switches, at, send, phase } = around;
  let choice: JoinChoice | null = null;
  let listed = false;
  let recovery: MediaRecovery | null = null;

  const proceed = () => {
    at("entering");
    // Neither needs what the other brings; asked for one by one, each would cost a way to the server and back.
    send({ kind: "users" });
    send({ kind: "media-access" });
    around.expectAnswer();
  };
  /** What may not be used is closed, and it is said why. */
  function permitted(which: "microphone" | "camera", { on, track }: Bringing): Bringing {
    if (on && switches.may(which)) return { on, track };
    track?.stop();
    return { on: false, track: null };
  }
  function publishFirst(withMicrophone: boolean, withCamera: boolean): void {
    const startMuted = around.room()?.features.muteOnStart ?? false;
    if (withMicrophone && startMuted) {
      media.publishMuted().catch((error: unknown) => switches.failed("microphone", error, true));
    } else if (withMicrophone) media.microphone.want(true);
    if (withCamera) media.camera.want(true);
  }

  /** The meeting is there as soon as it is known who is in it; sound and picture follow when they are connected. */
  const settle = () => {
    if (!listed || !recovery) return around.expectAnswer();
    around.answered();
    if (!choice || phase() !== "entering") return;
    const microphone = permitted("microphone", choice.microphone());
    const camera = permitted("camera", choice.camera());
    media.adopt({ microphone: microphone.track, camera: camera.track });
    at("meeting");
    switches.obeyLocks(true);
    publishFirst(microphone.on, camera.on);
  };

  return {
    join(wanted) {
      if (phase() !== "ready") return;
      choice = wanted;
      if (around.myself()?.waiting) return at("waiting");
      proceed();
    },
    admitIfApproved() {
      if (phase() === "waiting" && around.myself()?.waiting === false) proceed();
    },
    users(list, first) {
      const me = around.me();
      if (me === null) return;
      people.sync(list, me);
      if (!first || listed) return;
      listed = true;
      settle();
      around.onListed();
    },
    mediaAccess(access) {
      if (recovery) return recovery.access(access);
      if (phase() !== "entering") return;
      // Without sound and picture one can still read and write; the recovery sees that it failed, and goes on trying.
      media.connect(access, around.devices()).catch(() => undefined);
      recovery = createMediaRecovery(media, around.devices, () => send({ kind: "media-access" }));
      around.cleanups.push(recovery.dispose);
      settle();
    },
    listed: () => listed,
  };
}
