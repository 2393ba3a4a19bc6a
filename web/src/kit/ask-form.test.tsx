import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { AskForm } from "./ask-form";

afterEach(cleanup);

test("a form that was refused stays open and says why, until it is done", async () => {
  const answers: (string | null)[] = ["The room is full.", null];
  const asked: string[] = [];
  render(
    <AskForm
      className="form"
      cancel="Cancel"
      submit="Open"
      onCancel={() => undefined}
      ask={async () => {
        asked.push("asked");
        return answers.shift() ?? null;
      }}
    >
      <input aria-label="Title" />
    </AskForm>,
  );
  const open = screen.getByRole<HTMLButtonElement>("button", { name: "Open" });
  const submit = () => act(async () => void fireEvent.click(open));

  await submit();
  expect(screen.getByRole("alert").textContent).toBe("The room is full.");
  expect(open.disabled).toBe(false);
  await submit();
  expect(screen.queryByRole("alert")).toBeNull();
  expect(asked).toHaveLength(2);
});
