import { act, cleanup, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { FakeTrack } from "../../../tests/fake-track";
import { ANA, BEN, flush } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { Stage } from ".";

afterEach(cleanup);

const isMirrored = () =>
  screen.getByRole("figure", { name: "Ana (you)" }).querySelector("video")?.dataset["mirrored"];

test("my own picture is mirrored, unless the camera looks away from me", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  show(<Stage />);
  const camera = { id: "c", attach: () => () => undefined };
  act(() => server.engine.people({ ana: { camera } }));
  expect(isMirrored()).toBe("true");
  act(() => server.engine.people({ ana: { camera, rear: true } }));
  expect(isMirrored()).toBe("false");
});

test("so it is before it is published", async () => {
  const { server, show } = await meeting([ANA, BEN]);
  show(<Stage />);
  const track = new FakeTrack("video", "back");
  track.facingMode = "environment";
  act(() => server.session.media.adopt({ microphone: null, camera: track.asTrack() }));
  await act(flush);
  expect(isMirrored()).toBe("false");
});
