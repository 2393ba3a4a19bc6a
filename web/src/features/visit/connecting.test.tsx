import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN, createFakeServer, flush } from "../../../tests/fakes";
import { actionsFor, showVisit } from "../../../tests/visit";
import { PeoplePanel } from "../people";
import SmallWindow from "../small-window";
import { Stage } from "../stage";

afterEach(cleanup);

/** Ana sees Ben on the stage, in the list of people and in the small window. */
async function arrive() {
  const server = createFakeServer();
  let connect = () => undefined as void;
  server.engine.connecting = new Promise((done) => (connect = done));
  await server.enter([ANA, BEN]);
  showVisit(
    server,
    <>
      <Stage />
      <PeoplePanel />
      <SmallWindow target={window} />
    </>,
  );
  return { server, connect };
}

/** What a host can do about devices of whom nothing is known. */
const DEVICES = [
  "Mute",
  "Ask to unmute",
  "Stop camera",
  "Ask to turn camera on",
  "Stop their screen sharing",
];

/** What each of the three says of Ben. */
const words = () => [
  screen.getByRole("figure", { name: "Ben" }).querySelector("figcaption")?.textContent,
  screen.getByText(/^Ben/u, { selector: ".person > *" }).textContent,
  document.querySelector(".small-window-tile [aria-label]")?.getAttribute("aria-label") ?? "",
];
/** The crossed-out microphones of people: my own button has one of its own. */
const signs = () =>
  document.querySelectorAll(
    "figure .lucide-mic-off, .person-signs .lucide-mic-off, .small-window-people .lucide-mic-off",
  ).length;

test("nobody is called muted before media are connected, and whoever is muted is afterwards", async () => {
  const { server, connect } = await arrive();
  expect(words()).toEqual(["Ben", "Ben", ""]);
  expect(signs()).toBe(0);

  await act(async () => {
    connect();
    await flush();
    server.engine.people({ ana: { microphone: "live" }, ben: { microphone: "muted" } });
  });
  expect(words()).toEqual(["MutedBen", "Ben, muted", "Muted"]);
  expect(signs()).toBe(3);
});

test("what is known of microphones is forgotten with the connection, and not by a short cut", async () => {
  const { server, connect } = await arrive();
  const { engine } = server;
  await act(async () => {
    connect();
    await flush();
    engine.people({ ana: { microphone: "live" }, ben: { microphone: "muted" } });
    engine.handlers?.onStatus("reconnecting");
  });
  expect(words()).toEqual(["MutedBen", "Ben, muted", "Muted"]);

  // Everything is fetched anew.
  act(() => engine.people({ ana: { microphone: "live" } }));
  expect(words()).toEqual(["Ben", "Ben", ""]);

  act(() => engine.people({ ana: {}, ben: { microphone: "muted" } }));
  expect(signs()).toBeGreaterThan(0);
  act(() => engine.handlers?.onStatus("lost"));
  expect(words()).toEqual(["Ben", "Ben", ""]);
  expect(signs()).toBe(0);
});

test("a host who does not know what somebody has on can take it off, and ask for it", async () => {
  const { server, connect } = await arrive();
  const offered = async () => (await actionsFor("Ben")).filter((label) => DEVICES.includes(label));

  expect(await offered()).toEqual(DEVICES);
  fireEvent.click(screen.getByRole("button", { name: "Stop camera" }));
  await act(flush);
  expect(server.asked.at(-1)?.path).toBe("plenum/stop");

  await act(async () => {
    connect();
    await flush();
    server.engine.people({ ana: {}, ben: { microphone: "muted" } });
  });
  expect(await offered()).toEqual(["Ask to unmute", "Ask to turn camera on"]);
  fireEvent.click(screen.getByRole("button", { name: "Actions for Ben" }));

  // What was known last does not say what is so now.
  act(() => server.engine.handlers?.onStatus("lost"));
  expect(await offered()).toEqual(DEVICES);
});
