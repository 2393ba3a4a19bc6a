import { describe, expect, test } from "vitest";
import tokens from "./tokens.css?raw";
import { contrast, inkOn, parseColour, readableOn, type Rgb } from "./colour";

/** The colours of one theme, as the style sheet has them; the dark one inherits from the light one. */
function theme(selector: string): ReadonlyMap<string, string> {
  const start = tokens.indexOf(`${selector} {`);
  const block = tokens.slice(start, tokens.indexOf("}", start));
  return new Map(
    [...block.matchAll(/--([a-z0-9-]+):\s*(#[0-9a-f]{6})/gu)].map(([, name, value]) => [
      name ?? "",
      value ?? "",
    ]),
  );
}

const light = theme(":root");
const dark = new Map([...light, ...theme(':root[data-theme="dark"]')]);

function colour(palette: ReadonlyMap<string, string>, name: string): Rgb {
  const parsed = parseColour(palette.get(name) ?? "");
  if (!parsed) throw new Error(`no colour ${name}`);
  return parsed;
}

/** What is written on a picture, at its worst: over white, which shines through the caption's ground. */
describe("on a picture", () => {
  const [, red, green, blue, part] =
    /--caption: rgb\((\d+) (\d+) (\d+) \/ (\d+)%\)/u.exec(tokens)?.map(Number) ?? [];
  const over = (value = 0, below: number) =>
    Math.round((value * (part ?? 0) + below * (100 - (part ?? 0))) / 100);

  test.each([
    ["white", 255],
    ["black", 0],
  ])("%s shows through and captions can still be read (4.5:1)", (_, below) => {
    const ground: Rgb = [over(red, below), over(green, below), over(blue, below)];
    for (const ink of ["on-picture", "on-picture-accent", "on-picture-danger"]) {
      expect(contrast(colour(light, ink), ground), ink).toBeGreaterThanOrEqual(4.5);
    }
  });

  test("the raised hand and everybody's initials can be read (4.5:1)", () => {
    expect(contrast(colour(light, "on-hand"), colour(light, "hand"))).toBeGreaterThanOrEqual(4.5);
    for (let index = 0; index < 6; index += 1) {
      const ground = colour(light, `avatar-${index}`);
      expect(contrast(colour(light, "on-avatar"), ground)).toBeGreaterThanOrEqual(4.5);
    }
  });
});

test("every colour has a name among the tokens, where its contrast is looked at", () => {
  const sheets = import.meta.glob<string>(["../**/*.css", "!./tokens.css"], {
    eager: true,
    query: "?raw",
    import: "default",
  });
  const strays = Object.entries(sheets).flatMap(([file, css]) =>
    [...css.matchAll(/#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(/gu)].map(
      ([hit]) => `${file}: ${hit}`,
    ),
  );
  expect(Object.keys(sheets).length).toBeGreaterThan(10);
  expect(strays).toEqual([]);
});

test("corners have one of three roundings", () => {
  const sheets = import.meta.glob<string>("../**/*.css", {
    eager: true,
    query: "?raw",
    import: "default",
  });
  const strays = Object.entries(sheets).flatMap(([file, css]) =>
    [...css.matchAll(/-radius: (?!var\(--radius-|0;|inherit;)[^;]+/gu)].map(
      ([hit]) => `${file}: ${hit}`,
    ),
  );
  expect(strays.filter((stray) => !stray.startsWith("./tokens.css"))).toEqual([]);
});

describe.each([
  ["light", light],
  ["dark", dark],
])("in the %s theme", (_, palette) => {
  const pairs: [string, string][] = [
    ...["stage", "panel", "raised", "tile"].map((ground): [string, string] => ["text", ground]),
    ...["stage", "panel", "raised"].flatMap((ground): [string, string][] => [
      ["muted", ground],
      ["accent", ground],
      ["danger", ground],
    ]),
    ["on-accent", "accent"],
    ["on-danger", "danger"],
    ["attention", "attention-soft"],
    ["text", "attention-soft"],
    ["danger", "danger-soft"],
    ["text", "danger-soft"],
    ["text", "accent-soft"],
    ["muted", "tile"],
    ["text", "tool"],
    ["accent", "panel"],
  ];

  test.each(pairs)("%s on %s can be read (4.5:1)", (ink, ground) => {
    const ratio = contrast(colour(palette, ink), colour(palette, ground));
    expect(ratio).toBeGreaterThanOrEqual(4.5);
  });

  test.each(["panel", "stage", "raised"])("the edge of a field shows on %s (3:1)", (ground) => {
    const ratio = contrast(colour(palette, "control-line"), colour(palette, ground));
    expect(ratio).toBeGreaterThanOrEqual(3);
  });
});

test("colours are taken in the three usual spellings and nothing else", () => {
  expect(parseColour("#0b7")).toEqual([0, 187, 119]);
  expect(parseColour(" #0B7A65 ")).toEqual([11, 122, 101]);
  expect(parseColour("rgb(1, 2, 3)")).toEqual([1, 2, 3]);
  for (const bad of ["red", "url(x)", "rgb(300,0,0)", "#12345", "#0b7a65;}*{display:none"]) {
    expect(parseColour(bad)).toBeNull();
  }
});

test("any colour becomes readable on any ground", () => {
  const grounds: Rgb[] = [
    [255, 255, 255],
    [23, 28, 27],
  ];
  for (const ground of grounds) {
    for (const wish of ["#ffff00", "#000000", "#ffffff", "#ff0000", "#777777"]) {
      const result = readableOn(ground, parseColour(wish) ?? [0, 0, 0], 4.5);
      expect(contrast(result, ground)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(inkOn(result), result)).toBeGreaterThanOrEqual(4.5);
    }
  }
});
