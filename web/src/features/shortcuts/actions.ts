/**
 * Everything somebody can do with one press, registered once: the buttons, the keys and the list of
 * shortcuts all read it. An action that is refused says why instead of doing nothing.
 */
import { getI18n } from "react-i18next";
import type { TextKey } from "../../i18n/keys";
import { announce } from "../../kit/announcer";
import {
  isLockRefusal,
  mayChat,
  mayRaiseHand,
  mayReact,
  mayShareScreen,
  mayUseCamera,
  mayUseMicrophone,
  type Refusal,
  type Right,
} from "../../session/rights";
import type { PrefsStore } from "../../session/prefs";
import type { Session } from "../../session/session";
import type { Toggle } from "../../session/toggle";
import type { Person, RoomState } from "../../wire/types";
import type { UiStore } from "../visit/ui-store";

export const ACTION_IDS = [
  "microphone",
  "camera",
  "screen",
  "hand",
  "reactions",
  "chat",
  "people",
  "locks",
  "layout",
  "settings",
  "help",
] as const;
export type ActionId = (typeof ACTION_IDS)[number];

export interface Action {
  readonly id: ActionId;
  /** A letter of the latin keyboard, or `?`; `null` until somebody chooses one. */
  readonly key: string | null;
  right(me: Person, room: RoomState): Right;
  /** Whether what it switches is on; `null` for what is no switch. */
  isOn(): boolean | null;
  run(): void;
}

/** What can be refused; panels and dialogs always open. */
export const REFUSABLE = ["microphone", "camera", "screen", "hand", "chat", "reactions"] as const;
type Refusable = (typeof REFUSABLE)[number];

/** The text that explains a refusal. */
export const whyKey = (why: Refusal, id: Refusable): TextKey => `why.${why}.${id}`;

export type Actions = Readonly<Record<ActionId, Action>>;

const ALWAYS = (): Right => ({ ok: true });

/** Browsers of Android have the call and refuse every use of it. */
export const canShareScreen = (): boolean =>
  typeof (navigator.mediaDevices as MediaDevices | undefined)?.getDisplayMedia === "function" &&
  !/android/iu.test(navigator.userAgent);

export function createActions(session: Session, ui: UiStore, prefs: PrefsStore): Actions {
  const { media } = session;
  const action = (
    id: ActionId,
    key: string | null,
    right: Action["right"],
    perform: (me: Person) => void,
    isOn: Action["isOn"] = () => null,
  ): Action => ({
    id,
    key,
    right,
    isOn,
    run() {
      const myId = session.me();
      const me = myId === null ? undefined : session.people.getSnapshot().get(myId);
      const room = session.room.getSnapshot()?.state;
      if (!me || !room) return;
      const answer = right(me, room);
      if (answer.ok) return perform(me);
      const refusable = REFUSABLE.find((name) => name === id);
      if (!refusable) return;
      session.notices.show({
        group: `refused-${id}`,
        level: "warning",
        passing: true,
        text: { key: whyKey(answer.why, refusable) },
      });
    },
  });
  const flip = (toggle: Toggle) => () => toggle.want(!toggle.getSnapshot().on);
  const on = (toggle: Toggle) => () => toggle.getSnapshot().on;
  return {
    microphone: action(
      "microphone",
      "m",
      mayUseMicrophone,
      flip(media.microphone),
      on(media.microphone),
    ),
    camera: action("camera", "v", mayUseCamera, flip(media.camera), on(media.camera)),
    screen: action(
      "screen",
      "s",
      (me, room) => mayShareScreen(me, room, canShareScreen()),
      flip(media.screen),
    ),
    hand: action(
      "hand",
      "h",
      (_, room) => mayRaiseHand(room),
      (me) => {
        const words = getI18n().t("notice.handRaised", { count: 1, name: me.name });
        session.raiseHand(me.handRaisedAt === null, words);
      },
    ),
    chat: action(
      "chat",
      "c",
      (me, room) => {
        const right = mayChat(me, room);
        // Reading stays possible while writing is locked.
        return right.ok || isLockRefusal(right.why) ? { ok: true } : right;
      },
      () => ui.togglePanel("chat"),
    ),
    reactions: action("reactions", null, mayReact, () => session.react("👍")),
    locks: action("locks", "l", ALWAYS, (me) =>
      // Whoever is no host reads what holds for them.
      ui.showDialog("locks", me.isAdmin ? undefined : me.id),
    ),
    people: action("people", "p", ALWAYS, () => ui.togglePanel("people")),
    layout: action("layout", "w", ALWAYS, () => {
      const layout = prefs.getSnapshot().layout === "grid" ? "speaker" : "grid";
      prefs.change({ layout });
      announce(getI18n().t(`view.layout.${layout}`));
    }),
    settings: action("settings", ",", ALWAYS, () => ui.showDialog("settings")),
    help: action("help", "?", ALWAYS, () => ui.showDialog("shortcuts")),
  };
}
