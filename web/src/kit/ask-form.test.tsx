import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test } from "vitest";
import { AskForm } from "./ask-form";

afterEach(cleanup);

test("a form on its way says so and can be neither sent again nor given up; one that was refused says why", () => {
  const pressed: string[] = [];
  const form = (sending: boolean, problem: string | null) => (
    <AskForm
      className="form"
      cancel="Cancel"
      submit="Open"
      submitting="Opening…"
      sending={sending}
      problem={problem}
      onCancel={() => pressed.push("cancel")}
      onSubmit={() => pressed.push("submit")}
    >
      <input aria-label="Title" />
    </AskForm>
  );
  const press = (name: string) => fireEvent.click(screen.getByRole("button", { name }));
  const { rerender } = render(form(true, null));
  press("Opening…");
  press("Cancel");
  expect(pressed).toEqual([]);

  rerender(form(false, "The room is full."));
  expect(screen.getByRole("alert").textContent).toBe("The room is full.");
  press("Open");
  press("Cancel");
  expect(pressed).toEqual(["submit", "cancel"]);
});
