/** Colour arithmetic for brand colours and for the contrast test (WCAG 2.2, relative luminance). */

export type Rgb = readonly [red: number, green: number, blue: number];

/** `#rgb`, `#rrggbb` or `rgb(r, g, b)`; anything else, transparency included, is refused. */
export function parseColour(text: string): Rgb | null {
  const clean = text.trim().toLowerCase();
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/u.exec(clean);
  if (short) return triple(short.slice(1).map((digit) => Number.parseInt(digit + digit, 16)));
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/u.exec(clean);
  if (long) return triple(long.slice(1).map((pair) => Number.parseInt(pair, 16)));
  const named = /^rgb\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*\)$/u.exec(clean);
  return named ? triple(named.slice(1).map(Number)) : null;
}

function triple(values: readonly number[]): Rgb | null {
  const [red, green, blue] = values;
  if (red === undefined || green === undefined || blue === undefined) return null;
  return values.every((value) => value <= 255) ? [red, green, blue] : null;
}

export function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as unknown as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Between 1 (the same) and 21 (black on white). */
export function contrast(a: Rgb, b: Rgb): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

export const hex = (rgb: Rgb): string =>
  `#${rgb.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;

const mix = (a: Rgb, b: Rgb, part: number): Rgb => [
  a[0] + (b[0] - a[0]) * part,
  a[1] + (b[1] - a[1]) * part,
  a[2] + (b[2] - a[2]) * part,
];

const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];

/** The same hue, darkened or lightened just until it can be read on the ground. */
export function readableOn(ground: Rgb, colour: Rgb, wanted: number): Rgb {
  const towards = luminance(ground) > 0.4 ? BLACK : WHITE;
  for (let step = 0; step <= 20; step += 1) {
    const candidate = mix(colour, towards, step / 20);
    if (contrast(candidate, ground) >= wanted) return candidate;
  }
  return towards;
}

/** Black or white, whichever reads better on the colour. */
export const inkOn = (colour: Rgb): Rgb =>
  contrast(colour, WHITE) >= contrast(colour, BLACK) ? WHITE : BLACK;
