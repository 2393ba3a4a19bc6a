import { act, cleanup } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { ANA, BEN, CAT } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import type * as Avatars from "../../kit/avatar";
import { Stage } from ".";

/** Whose tile was drawn, each time one was: there is an avatar in each. */
const drawn: string[] = [];
vi.mock("../../kit/avatar", async (load) => {
  const real = await load<typeof Avatars>();
  return {
    ...real,
    Avatar(props: Parameters<typeof Avatars.Avatar>[0]) {
      drawn.push(props.id);
      return real.Avatar(props);
    },
  };
});

afterEach(cleanup);

test("a tile is drawn anew only when something of that person changes", async () => {
  const { server, show } = await meeting([ANA, BEN, CAT]);
  show(<Stage />);
  const people = { ben: { microphone: "live" }, cat: { microphone: "live" } } as const;
  act(() => server.engine.people(people));
  drawn.length = 0;

  act(() => server.engine.people({ ...people, ben: { microphone: "muted" } }));
  act(() => server.engine.speaking("cat"));

  expect(drawn).toEqual(["ben", "cat"]);
});
