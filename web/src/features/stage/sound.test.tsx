import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ANA, BEN, flush, id } from "../../../tests/fakes";
import { actionsFor, meeting } from "../../../tests/visit";
import { PeoplePanel } from "../people";
import { VolumeFields } from "../settings/volume-fields";
import { Sound } from "./sound";

afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const BENS_SOUND = { ben: { sound: { id: "s", attach: () => () => undefined } } } as const;

test("who is turned down to nothing is muted, also after the library has unmuted everything", async () => {
  const { server, visit, show } = await meeting([ANA, BEN]);
  const { container } = show(<Sound />);
  act(() => server.engine.people(BENS_SOUND));
  const audio = container.querySelector("audio") as HTMLAudioElement;
  act(() => visit.ui.setVolume(id("ben"), 0));
  expect([audio.volume, audio.muted]).toEqual([0, true]);

  audio.muted = false;
  fireEvent(audio, new Event("volumechange"));
  expect(audio.muted).toBe(true);
  act(() => visit.ui.setVolume(id("ben"), 0.5));
  expect([audio.volume, audio.muted]).toEqual([0.5, false]);
});

test("where a page cannot say how loud it plays, people are heard or not", async () => {
  // As on an iPhone: it takes the value for a moment.
  let volume = 1;
  vi.spyOn(HTMLMediaElement.prototype, "volume", "get").mockImplementation(() => volume);
  vi.spyOn(HTMLMediaElement.prototype, "volume", "set").mockImplementation((next) => {
    volume = next;
    queueMicrotask(() => (volume = 1));
  });
  const { prefs, visit, show } = await meeting([ANA, BEN]);
  show(
    <>
      <VolumeFields />
      <PeoplePanel />
    </>,
  );
  const voices = await screen.findByRole("checkbox", { name: "Hear people" });
  expect(screen.queryByRole("slider")).toBeNull();
  fireEvent.click(voices);
  fireEvent.click(screen.getByRole("checkbox", { name: "Hear what is shared" }));
  expect(prefs.getSnapshot()).toMatchObject({ volume: 0, shareVolume: 0 });

  await actionsFor("Ben");
  await act(flush);
  fireEvent.click(screen.getByRole("switch", { name: "Hear Ben" }));
  expect([...visit.ui.getSnapshot().volumes.values()]).toEqual([0]);
});
