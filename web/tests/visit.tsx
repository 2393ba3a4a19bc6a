/** A meeting screen over the fake server, for tests of what people see. */
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import type { ReactNode } from "react";
import { PrefsContext } from "../src/features/settings/prefs-context";
import { createActions } from "../src/features/shortcuts";
import { VisitContext, type VisitValue } from "../src/features/visit/context";
import { followDevices } from "../src/features/visit/follow-devices";
import { createUi } from "../src/features/visit/ui-store";
import { createWayBack } from "../src/features/visit/way-back";
import { createPrefs, type PrefsStore } from "../src/session/prefs";
import type { SessionDeps } from "../src/session/session";
import { createFakeServer, type FakePerson, type FakeServer } from "./fakes";

export interface Meeting {
  readonly server: FakeServer;
  readonly visit: VisitValue;
  readonly prefs: PrefsStore;
  /** The tokens other rooms were entered with. */
  readonly travelled: readonly string[];
  show(node: ReactNode): ReturnType<typeof render>;
}

export async function meeting(
  people: readonly [FakePerson, ...FakePerson[]],
  metadata?: object,
  overrides: Partial<SessionDeps> = {},
): Promise<Meeting> {
  const server = createFakeServer(overrides);
  await server.enter(people, metadata);
  return { server, ...around(server) };
}

function around(server: FakeServer): Pick<Meeting, "visit" | "prefs" | "show" | "travelled"> {
  const travelled: string[] = [];
  const prefs = createPrefs(null);
  const ui = createUi(null, () => undefined);
  const visit: VisitValue = {
    session: server.session,
    devices: followDevices(server.session, prefs),
    ui,
    actions: createActions(server.session, ui, prefs),
    travel: (token) => void travelled.push(token),
    goBack: (token) => void travelled.push(token),
    wayBack: createWayBack(server.session, null, () => undefined),
  };
  return {
    travelled,
    visit,
    prefs,
    show: (node) =>
      render(
        <PrefsContext value={prefs}>
          <VisitContext value={visit}>{node}</VisitContext>
        </PrefsContext>,
      ),
  };
}

/** A screen of a visit that is not in the meeting yet. */
export const showVisit = (server: FakeServer, node: ReactNode) => around(server).show(node);

/** Opens the menu about somebody in the list of people, and says what stands in it. */
export async function actionsFor(name: string): Promise<string[]> {
  fireEvent.click(screen.getByRole("button", { name: `Actions for ${name}` }));
  const menu = await waitFor(() => {
    const open = document.querySelector<HTMLElement>(`.menu[aria-label="Actions for ${name}"]`);
    if (!open) throw new Error("no menu");
    return open;
  });
  return within(menu)
    .getAllByRole("button")
    .map(({ textContent }) => textContent);
}
