import { expect, test } from "vitest";
import { endReason, mayRejoin } from "./errors";

test("the server's keys become codes, anything else is shown in its own words", () => {
  expect(endReason("notifications.room-disconnected-duplicate-entry").code).toBe("duplicate");
  expect(endReason("Closed for lunch")).toEqual({ code: "other", detail: "Closed for lunch" });
});

test("whoever was sent away is not offered the same door again", () => {
  expect(mayRejoin(endReason("notifications.room-disconnected-participant-removed"))).toBe(false);
  expect(mayRejoin(endReason("notifications.you-are-blocked"))).toBe(false);
  expect(mayRejoin({ code: "network", detail: "" })).toBe(true);
});
