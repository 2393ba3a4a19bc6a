import { describe, expect, test } from "vitest";
import tokens from "./tokens.css?raw";
import { contrast, inkOn, parseColour, readableOn, type Rgb } from "./colour";

/** The colours of one theme, as the style sheet has them; the dark one inherits from the light one. */
function theme(selector: string): ReadonlyMap<string, string> {
  const start = tokens.indexOf(`${selector} {`);
  const block = tokens.slice(start, tokens.indexOf("}", start));
  return new Map(
    [...block.matchAll(/--([a-z-]+):\s*(#[0-9a-f]{6})/gu)].map(([, name, value]) => [
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
