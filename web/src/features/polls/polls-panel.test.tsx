import { cleanup, fireEvent, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { ANA, BEN } from "../../../tests/fakes";
import { meeting } from "../../../tests/visit";
import { PollsPanel } from ".";

afterEach(cleanup);

const field = (name: string) => screen.getByRole<HTMLInputElement>("textbox", { name });
const create = () => fireEvent.click(screen.getByRole("button", { name: "New poll" }));

test("a poll that is being written is still there after a look at another panel, and not after it was given up", async () => {
  const { show } = await meeting([ANA, BEN]);
  const { unmount } = show(<PollsPanel />);
  create();
  fireEvent.change(field("Question"), { target: { value: "Tea or coffee?" } });
  fireEvent.change(field("Answer 2"), { target: { value: "Coffee" } });
  fireEvent.click(screen.getByRole("checkbox", { name: /anonymous/iu }));
  unmount();

  show(<PollsPanel />);
  expect(field("Question").value).toBe("Tea or coffee?");
  expect(field("Answer 2").value).toBe("Coffee");
  expect(screen.getByRole<HTMLInputElement>("checkbox", { name: /anonymous/iu }).checked).toBe(
    true,
  );

  fireEvent.click(screen.getByRole("button", { name: "Cancel" }));
  create();
  expect(field("Question").value).toBe("");
});
