/** From the green room into the meeting: asked to join, let in, the list of people, sound and picture. */
import type { MediaAccess, ParticipantId, Person, RoomState } from "../wire/types";
import type { ClientEvent } from "../wire/encode";
import type { JoinChoice, Phase } from "./contract";
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
  mediaAccess(access: MediaAccess): Promise<void>;
  /** Whether the list of people was asked for before. */
  listed(): boolean;
}

export function createEntrance(around: Around): Entrance {
  const { people, media, switches, at, send, phase } = around;
  let choice: JoinChoice | null = null;
  let listed = false;
  let hasAccess = false;
  let recovery: MediaRecovery | null = null;

  const proceed = () => {
    at("entering");
    // Neither needs what the other brings; asked for one by one, each would cost a way to the server and back.
    send({ kind: "users" });
    send({ kind: "media-access" });
    around.expectAnswer();
  };
  const settle = () => (listed && hasAccess ? around.answered() : around.expectAnswer());

  function publishFirst(withMicrophone: boolean, withCamera: boolean): void {
    const startMuted = around.room()?.features.muteOnStart ?? false;
    if (withMicrophone && startMuted) {
      media.publishMuted().catch((error: unknown) => switches.failed("microphone", error, true));
    } else if (withMicrophone) media.microphone.want(true);
    if (withCamera) media.camera.want(true);
  }

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
    async mediaAccess(access) {
      hasAccess = true;
      settle();
      const picked = choice;
      if (recovery) return recovery.access(access);
      if (!picked || phase() !== "entering") return;
      // Without sound and picture one can still read, write and listen to what happens next.
      const connected = await media.connect(access, around.devices()).then(
        () => true,
        () => false,
      );
      if (phase() === "ended") return;
      const microphone = picked.microphone();
      const camera = picked.camera();
      media.adopt({ microphone: microphone.track, camera: camera.track });
      at("meeting");
      switches.obeyLocks(true);
      recovery = createMediaRecovery(media, around.devices, () => send({ kind: "media-access" }));
      around.cleanups.push(recovery.dispose);
      const publish = () => publishFirst(microphone.on, camera.on);
      if (connected) return publish();
      const stop = media.subscribe(() => {
        if (media.getSnapshot().status !== "connected") return;
        stop();
        publish();
      });
      around.cleanups.push(stop);
    },
    listed: () => listed,
  };
}
