import { act, cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN, CAT } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { Stage } from ".";

afterEach(cleanup);

test("a tile that fills the window of a phone can be left, also after its camera went off", async () => {
  const { server, show } = await meeting([ANA, BEN, CAT]);
  show(<Stage />);
  act(() => server.engine.people({ ben: { camera: { id: "b", attach: () => () => undefined } } }));
  const tile = screen.getByRole("figure", { name: "Ben" });
  // As on an iPhone, which keeps it for its own video player.
  Object.defineProperty(tile, "requestFullscreen", { value: undefined });
  fireEvent.click(screen.getByRole("button", { name: "Show Ben on the full screen" }));
  expect(tile.dataset["filled"]).toBe("true");

  act(() => server.engine.people({ ben: {} }));
  fireEvent.click(screen.getByRole("button", { name: "Leave full screen" }));

  expect(tile.dataset["filled"]).toBe("false");
  expect(screen.queryByRole("button", { name: /full screen/iu })).toBeNull();
});
