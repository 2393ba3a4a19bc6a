import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { InviteLink } from "../features/invite/invite-link";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("where the browser refuses to copy, the link is selected and that is said", async () => {
  vi.stubGlobal("navigator", {
    languages: ["en"],
    clipboard: { writeText: () => Promise.reject(new Error("not allowed")) },
  });
  render(<InviteLink code="abcd" />);
  fireEvent.click(screen.getByRole("button", { name: "Copy link" }));
  await screen.findByRole("button", { name: "Selected: copy it yourself" });
  const field = screen.getByRole<HTMLInputElement>("textbox", { name: "Invite link" });
  expect(document.activeElement).toBe(field);
  expect(field.selectionEnd).toBe(field.value.length);
});
