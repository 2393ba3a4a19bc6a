import { expect, test } from "vitest";
import { createPaceJudge, drawnSize, SAVING_FPS, USUAL_FPS } from "./pace";

const LATE = { fps: 6, busy: 0.98 };

test("a device that is late for a while is told so once", () => {
  const judge = createPaceJudge();
  const said = Array.from({ length: 6 }, () => judge(LATE, USUAL_FPS));
  expect(said).toEqual([null, null, "slow", null, null, null]);
});

test("it is told again after it has kept up in between", () => {
  const judge = createPaceJudge();
  const look = (pace: typeof LATE) => judge(pace, USUAL_FPS);
  const said = [LATE, LATE, LATE, { fps: 22, busy: 0.5 }, LATE, LATE, LATE].map(look);
  expect(said.filter((word) => word === "slow")).toHaveLength(2);
});

test.each([
  ["a dark room, in which the camera itself takes its time", { fps: 8, busy: 0.3 }, USUAL_FPS],
  ["enough frames with nothing left to spare", { fps: 20, busy: 1 }, USUAL_FPS],
  ["few frames where few are wanted", { fps: 6, busy: 0.9 }, SAVING_FPS],
])("keeps up: %s", (_, pace, wanted) => {
  const judge = createPaceJudge();
  expect(Array.from({ length: 5 }, () => judge(pace, wanted))).not.toContain("slow");
});

test.each([
  [1280, 720, 640, 360],
  [640, 480, 640, 480],
  [1920, 1080, 640, 360],
  [720, 1280, 360, 640],
  [1600, 1200, 640, 480],
  [320, 240, 320, 240],
  [641, 361, 640, 360],
  [1, 1, 2, 2],
])("a picture of %d×%d is drawn as %d×%d", (width, height, wide, high) =>
  expect(drawnSize(width, height)).toEqual({ width: wide, height: high }),
);
