import { describe, expect, test } from "vitest";
import { formatLocale, isolate, LANGUAGES, pickLanguage } from ".";
import { ACTION_IDS, REFUSABLE, whyKey } from "../features/shortcuts/actions";
import { END_CODES } from "../session/errors";
import { REFUSALS } from "../session/rights";
import arActivities from "./locales/activities.ar.json";
import enActivities from "./locales/activities.en.json";
import arBackgrounds from "./locales/backgrounds.ar.json";
import enBackgrounds from "./locales/backgrounds.en.json";
import arConnection from "./locales/connection.ar.json";
import enConnection from "./locales/connection.en.json";
import arEntry from "./locales/ar.json";
import enEntry from "./locales/en.json";
import arLti from "./locales/lti.ar.json";
import enLti from "./locales/lti.en.json";
import arMeeting from "./locales/meeting.ar.json";
import enMeeting from "./locales/meeting.en.json";
import arWaiting from "./locales/waiting.ar.json";
import enWaiting from "./locales/waiting.en.json";

type Tree = { readonly [name: string]: string | Tree };

/** Two catalogues of a language as the page sees them: as one. */
function whole(one: Tree, other: Tree): Tree {
  const merged: Record<string, string | Tree> = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const before = merged[name];
    const nested = typeof before === "object" && typeof value === "object";
    expect(nested || before === undefined, `${name} is said twice`).toBe(true);
    merged[name] = nested ? whole(before, value) : value;
  }
  return merged;
}

const en = [enMeeting, enActivities, enBackgrounds, enLti, enWaiting, enConnection].reduce<Tree>(
  whole,
  enEntry,
);
const ar = [arMeeting, arActivities, arBackgrounds, arLti, arWaiting, arConnection].reduce<Tree>(
  whole,
  arEntry,
);

/** Every text with the path to it. */
function texts(tree: object, path = ""): readonly (readonly [string, string])[] {
  return Object.entries(tree).flatMap(([key, value]: [string, unknown]) => {
    const here = path === "" ? key : `${path}.${key}`;
    if (typeof value === "string") return [[here, value] as const];
    return texts(value as object, here);
  });
}

const PLURAL = /_(?:zero|one|two|few|many|other)$/u;
const bases = (tree: object) => new Set(texts(tree).map(([path]) => path.replace(PLURAL, "")));
const holes = (text: string) => new Set(text.match(/\{\{\w+\}\}/gu));

describe("Arabic", () => {
  test("says everything that English says, and nothing else", () => {
    expect([...bases(ar)].toSorted()).toEqual([...bases(en)].toSorted());
  });

  test("has every plural form its grammar needs", () => {
    const forms = new Intl.PluralRules("ar").resolvedOptions().pluralCategories;
    const paths = new Set(texts(ar).map(([path]) => path));
    const counted = texts(en).filter(([path]) => path.endsWith("_other"));
    for (const [path] of counted) {
      const base = path.replace(PLURAL, "");
      for (const form of forms) expect(paths).toContain(`${base}_${form}`);
    }
  });

  test("leaves no gap that English does not fill", () => {
    const english = new Map(texts(en));
    for (const [path, text] of texts(ar)) {
      const base = path.replace(PLURAL, "");
      const source = `${english.get(path) ?? ""} ${english.get(`${base}_one`) ?? ""} ${english.get(`${base}_other`) ?? ""}`;
      for (const hole of holes(text)) expect(holes(source), path).toContain(hole);
    }
  });

  test("is really translated", () => {
    const latin = texts(ar).filter(([, text]) => text !== "" && !/[\u0600-\u06ff{]/u.test(text));
    expect(latin.map(([path]) => path)).toEqual(["app.name"]);
  });
});

describe("a text that is put together from parts", () => {
  const DEVICES = ["microphone", "camera", "screen"];
  const WORDS = ["microphone", "camera", "speaker"];
  const keys = [
    ...REFUSALS.flatMap((why) => REFUSABLE.map((id) => whyKey(why, id))),
    ...ACTION_IDS.map((id) => `shortcuts.${id}`),
    ...END_CODES.flatMap((code) => [`ended.${code}.title`, `ended.${code}.text`]),
    ...DEVICES.flatMap((device) =>
      ["asked", "comply", "stopped", "free"].map((what) => `notice.${what}.${device}`),
    ),
    ...WORDS.flatMap((word) => [`notice.lost.gone.${word}`, `notice.lost.off.${word}`]),
    "people.title",
    "chat.title",
    "waiting.title",
  ];
  test.each([
    ["English", en],
    ["Arabic", ar],
  ])("is there in %s", (_, tree) => {
    const known = bases(tree);
    expect(keys.filter((key) => !known.has(key))).toEqual([]);
  });
});

test.each([
  ["the chosen language wins", "ar", ["en-GB"], "ar"],
  ["the browser's first known language is next", null, ["fr", "ar-EG", "en"], "ar"],
  ["English is always there", null, ["fi"], "en"],
  ["an unknown choice falls back to the browser", "xx", ["ar"], "ar"],
])("%s", (_, chosen, wanted, expected) => {
  expect(pickLanguage(chosen, wanted).code).toBe(expected);
});

test("dates and times are written as the reader's own variety of the language has them", () => {
  expect(formatLocale("en", ["fr", "en-GB", "en-US"])).toBe("en-GB");
  expect(formatLocale("ar", ["en-GB"])).toBe("ar");
});

describe("a name in a sentence", () => {
  test.each([
    ["needs nothing where everything runs one way", "Ana", "ltr", "Ana"],
    ["is set apart when it runs the other way", "ليلى", "ltr", "\u2068ليلى\u2069"],
    ["is set apart in a text from right to left", "Ana (2)", "rtl", "\u2068Ana (2)\u2069"],
    ["brings no controls of its own", "\u202eAna\u2069", "ltr", "Ana"],
  ] as const)("%s", (_, name, dir, expected) => expect(isolate(name, dir)).toBe(expected));

  test("a number stays a number", () => expect(isolate(3, "rtl")).toBe("3"));
});

test("languages are named in themselves", () => {
  expect(LANGUAGES.map(({ name }) => name)).toEqual(["English", "العربية"]);
});
