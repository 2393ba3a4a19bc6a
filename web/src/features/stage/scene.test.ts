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
    spotlight: [],
    speaker: null,
    layout: "grid",
    selfView: null,
    content: false,
    ...more,
  });

describe("who is where", () => {
  test("alone, I see myself", () => {
    expect(scene([me])).toMatchObject({ flow: [me], large: null, floating: null });
    expect(scene([me], { selfView: "corner" })).toMatchObject({ flow: [me], floating: null });
  });

  test("with two, the other has the stage and I float", () => {
    expect(scene([me, ben])).toMatchObject({ flow: [ben], large: ben, floating: me });
  });

  test("with two I may stand beside the other, or nowhere", () => {
    expect(scene([me, ben], { selfView: "among" })).toMatchObject({ flow: [me, ben], large: null });
    expect(scene([me, ben], { selfView: "hidden" })).toMatchObject({ large: ben, floating: null });
  });

  test("with three everybody is alike", () => {
    expect(scene([me, ben, cat])).toMatchObject({
      flow: [me, ben, cat],
      large: null,
      floating: null,
    });
  });

  test("a shared screen comes before a pin, and I stand with the others", () => {
    expect(scene([me, ben], { content: true, pinned: ben })).toMatchObject({
      flow: [me, ben],
      large: "content",
      floating: null,
    });
  });

  test("a pin comes before the speaker, also one on me", () => {
    const speaker = { layout: "speaker", speaker: cat } as const;
    expect(scene([me, ben, cat], { ...speaker, pinned: ben }).large).toBe(ben);
    expect(scene([me, ben, cat], { ...speaker, pinned: me, selfView: "hidden" })).toMatchObject({
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

describe("the spotlight", () => {
  test("makes somebody large for everybody", () => {
    expect(scene([me, ben, cat], { spotlight: [cat] })).toMatchObject({ large: cat, beside: [] });
  });

  test("of several has them large together, in the host's order", () => {
    const lit = scene([me, ben, cat], { spotlight: [cat, ben] });
    expect(lit).toMatchObject({ large: cat, beside: [ben] });
  });

  test("gives way to what somebody pinned for themselves", () => {
    const both = scene([me, ben, cat], { spotlight: [cat], pinned: ben });
    expect(both).toMatchObject({ large: ben, beside: [] });
  });

  test("shows me to myself as the others see me", () => {
    expect(scene([me, ben], { spotlight: [me] })).toMatchObject({
      flow: [me, ben],
      large: me,
      floating: null,
    });
  });

  test("comes first beside shared content", () => {
    const shared = scene([me, ben, cat], { spotlight: [cat], content: true });
    expect(shared).toMatchObject({ large: "content", flow: [cat, me, ben] });
  });

  test("does not wait for somebody who is not here", () => {
    expect(scene([me, ben, cat], { spotlight: [participantId("dan")] }).large).toBeNull();
  });
});
