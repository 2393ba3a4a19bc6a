import { expect, test } from "vitest";
import { faceOf } from "./face";

test("a raised hand looks like one, whatever its level", () => {
  const raised = faceOf({ level: "info", text: { key: "notice.handRaised" } });
  expect(raised.topic).toBe("attention");
  expect(raised).toEqual(faceOf({ level: "warning", text: { key: "notice.handRaised" } }));
});

test("what is not known goes by how serious it is", () => {
  expect(faceOf({ level: "error", text: { plain: "?" } }).topic).toBe("danger");
  expect(faceOf({ level: "info", text: { key: "host.asked" } }).topic).toBe("plain");
});
