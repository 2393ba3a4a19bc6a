import { expect, test } from "vitest";
import { createUi } from "./ui-store";

const nothing = () => undefined;

test("Back closes what is on top and only then asks whether to leave", () => {
  const ui = createUi("chat", nothing);
  ui.showDialog("settings");
  const seen = [0, 1, 2, 3].map(() => {
    ui.back(true);
    const { panel, dialog } = ui.getSnapshot();
    return [panel, dialog];
  });
  expect(seen).toEqual([
    ["chat", null],
    [null, null],
    [null, "leave"],
    [null, null],
  ]);
});

test("a panel beside the stage is no sheet, and Back leaves it open", () => {
  const ui = createUi("people", nothing);
  ui.back(false);
  expect(ui.getSnapshot()).toMatchObject({ panel: "people", dialog: "leave" });
});
