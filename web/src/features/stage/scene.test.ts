import { describe, expect, test } from "vitest";
import { participantId } from "../../wire/types";
import { nextSpeaker, sceneOf, type SceneRequest } from "./scene";

const [me, ben, cat] = ["me", "ben", "cat"].map(participantId) as [
  SceneRequest["all"][number],
  SceneRequest["all"][number],
  SceneRequest["all"][number],
];

const scene = (all: SceneRequest["all"], more: Partial<SceneRequest> = {}) =>
  sceneOf({
    all,
    me,
    pinned: null,
    speaker: null,
    layout: "grid",
    selfView: null,
    content: false,
    ...more,
  });

describe("who is where", () => {
  test("alone, I see myself", () => {
    expect(scene([me])).toEqual({ flow: [me], large: null, floating: null });
    expect(scene([me], { selfView: "corner" })).toMatchObject({ flow: [me], floating: null });
  });

  test("with two, the other has the stage and I float", () => {
    expect(scene([me, ben])).toEqual({ flow: [ben], large: ben, floating: me });
  });

  test("with two I may stand beside the other, or nowhere", () => {
    expect(scene([me, ben], { selfView: "among" })).toMatchObject({ flow: [me, ben], large: null });
    expect(scene([me, ben], { selfView: "hidden" })).toMatchObject({ large: ben, floating: null });
  });

  test("with three everybody is alike", () => {
    expect(scene([me, ben, cat])).toEqual({ flow: [me, ben, cat], large: null, floating: null });
  });

  test("a shared screen comes before a pin, and I stand with the others", () => {
    expect(scene([me, ben], { content: true, pinned: ben })).toEqual({
      flow: [me, ben],
      large: "content",
      floating: null,
    });
  });

  test("a pin comes before the speaker, also one on me", () => {
    const speaker = { layout: "speaker", speaker: cat } as const;
    expect(scene([me, ben, cat], { ...speaker, pinned: ben }).large).toBe(ben);
    expect(scene([me, ben, cat], { ...speaker, pinned: me, selfView: "hidden" })).toEqual({
      flow: [me, ben, cat],
      large: me,
      floating: null,
    });
  });

  test("a pin on somebody who left is none", () => {
    expect(scene([me, ben], { pinned: cat }).large).toBe(ben);
  });

  test("the speaker layout shows who talks large, and somebody before anyone did", () => {
    expect(scene([me, ben, cat], { layout: "speaker", speaker: cat }).large).toBe(cat);
    expect(scene([me, ben, cat], { layout: "speaker" }).large).toBe(ben);
  });
});

test("whoever talks keeps the stage until somebody else talks alone", () => {
  expect(nextSpeaker([ben], null)).toBe(ben);
  expect(nextSpeaker([cat, ben], ben)).toBe(ben);
  expect(nextSpeaker([cat], ben)).toBe(cat);
  expect(nextSpeaker([], cat)).toBe(cat);
});
