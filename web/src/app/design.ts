/**
 * The operator's colours from the address. Only colours are taken; style sheets and pictures from a link
 * anybody can write are not. Every colour is moved until text on it can be read, in both themes.
 */
import { contrast, hex, inkOn, parseColour, readableOn, type Rgb } from "../kit/colour";

export type ThemeName = "light" | "dark";

interface Ground {
  readonly panel: Rgb;
  readonly text: Rgb;
}

const GROUNDS: Readonly<Record<ThemeName, Ground>> = {
  light: { panel: [255, 255, 255], text: [21, 32, 29] },
  dark: { panel: [23, 28, 27], text: [238, 244, 241] },
};

const TEXT_CONTRAST = 4.5;
const MAX_LENGTH = 4_096;

/** Custom properties to set for a theme. Unreadable or malformed wishes are left out. */
export function designTokens(raw: string | null, theme: ThemeName): ReadonlyMap<string, string> {
  const tokens = new Map<string, string>();
  const wishes = parse(raw);
  const { panel, text } = GROUNDS[theme];
  const primary = colour(wishes, "primary_btn_bg_color") ?? colour(wishes, "primary_color");
  if (primary) {
    const accent = readableOn(panel, primary, TEXT_CONTRAST);
    tokens.set("--accent", hex(accent));
    tokens.set("--on-accent", hex(inkOn(accent)));
  }
  const surface = (token: string, ...keys: string[]) => {
    for (const key of keys) {
      const wanted = colour(wishes, key);
      if (wanted && contrast(wanted, text) >= TEXT_CONTRAST) return tokens.set(token, hex(wanted));
    }
    return tokens;
  };
  surface("--stage", "background_color");
  surface("--header", "header_bg_color");
  surface("--toolbar", "footer_bg_color");
  surface("--side-panel", "side_panel_bg_color", "right_side_bg_color");
  return tokens;
}

function parse(raw: string | null): Record<string, unknown> {
  if (raw === null || raw.length > MAX_LENGTH) return {};
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function colour(wishes: Record<string, unknown>, key: string): Rgb | null {
  const value = wishes[key];
  return typeof value === "string" ? parseColour(value) : null;
}

const ALL = [
  "--accent",
  "--on-accent",
  "--stage",
  "--header",
  "--toolbar",
  "--side-panel",
] as const;

export function applyDesign(raw: string | null, theme: ThemeName): void {
  const tokens = designTokens(raw, theme);
  for (const name of ALL) {
    const value = tokens.get(name);
    if (value === undefined) document.documentElement.style.removeProperty(name);
    else document.documentElement.style.setProperty(name, value);
  }
}
