/**
 * Translations: English is always there, another language is fetched from our own origin when chosen. What is
 * said only inside a meeting, or only on the pages of a course, is in catalogues of its own, so that the way in
 * stays light.
 */
import { createInstance } from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./locales/en.json";
import type activities from "./locales/activities.en.json";
import type backgrounds from "./locales/backgrounds.en.json";
import type connection from "./locales/connection.en.json";
import type lti from "./locales/lti.en.json";
import type meeting from "./locales/meeting.en.json";
import type waiting from "./locales/waiting.en.json";

/** The page's own translator; `react-i18next` hears of it in `startI18n`. */
const translator = createInstance();

export interface Language {
  readonly code: string;
  /** In the language itself. */
  readonly name: string;
  readonly dir: "ltr" | "rtl";
}

export const LANGUAGES: readonly [Language, ...Language[]] = [
  { code: "en", name: "English", dir: "ltr" },
  { code: "ar", name: "العربية", dir: "rtl" },
];

type Catalogue = typeof en &
  typeof meeting &
  typeof activities &
  typeof backgrounds &
  typeof lti &
  typeof waiting &
  typeof connection;

type Load = () => Promise<{ readonly default: object }>;

/** What stands in a catalogue of its own. */
export type Part = "meeting" | "activities" | "backgrounds" | "lti" | "waiting" | "connection";

const LOADERS: Readonly<Record<string, Readonly<Partial<Record<Part | "entry", Load>>>>> = {
  en: {
    meeting: () => import("./locales/meeting.en.json"),
    activities: () => import("./locales/activities.en.json"),
    backgrounds: () => import("./locales/backgrounds.en.json"),
    lti: () => import("./locales/lti.en.json"),
    waiting: () => import("./locales/waiting.en.json"),
    connection: () => import("./locales/connection.en.json"),
  },
  ar: {
    entry: () => import("./locales/ar.json"),
    meeting: () => import("./locales/meeting.ar.json"),
    activities: () => import("./locales/activities.ar.json"),
    backgrounds: () => import("./locales/backgrounds.ar.json"),
    lti: () => import("./locales/lti.ar.json"),
    waiting: () => import("./locales/waiting.ar.json"),
    connection: () => import("./locales/connection.ar.json"),
  },
};

/** The parts that this page needs by now. */
const needed = new Set<Part | "entry">(["entry"]);
const loaded = new Set<Load>();

/** Fetches of a language whatever of it is needed and not there. */
async function fetchTexts(code: string): Promise<void> {
  const loads = [...needed].flatMap((part) => LOADERS[code]?.[part] ?? []);
  await Promise.all(
    loads.map(async (load) => {
      if (loaded.has(load)) return;
      translator.addResourceBundle(code, "translation", (await load()).default, true);
      loaded.add(load);
    }),
  );
}

declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "translation";
    resources: { translation: Catalogue };
  }
}

/** The language to show: the chosen one, else the first of the browser's that we have, else English. */
export function pickLanguage(chosen: string | null, wanted: readonly string[]): Language {
  for (const tag of chosen === null ? wanted : [chosen, ...wanted]) {
    const base = tag.toLowerCase().split("-")[0];
    const found = LANGUAGES.find(({ code }) => code === base);
    if (found) return found;
  }
  return LANGUAGES[0];
}

/** The reader's own variety of the language shown: somebody in Britain writes dates as they do there. */
export function formatLocale(
  code: string,
  wanted: readonly string[] = navigator.languages,
): string {
  return wanted.find((tag) => tag.toLowerCase().split("-")[0] === code) ?? code;
}

const RTL =
  /\p{Script=Arabic}|\p{Script=Hebrew}|\p{Script=Syriac}|\p{Script=Thaana}|\p{Script=Nko}|\p{Script=Adlam}/u;
const BIDI_CONTROLS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * A name or other foreign words as part of a sentence: set apart wherever their direction could disturb
 * it, and without controls of their own.
 */
export function isolate(value: unknown, dir: Language["dir"]): string {
  if (typeof value !== "string") return String(value);
  const clean = value.replaceAll(BIDI_CONTROLS, "");
  return dir === "rtl" || RTL.test(clean) ? `\u2068${clean}\u2069` : clean;
}

let direction: Language["dir"] = "ltr";

/**
 * Shows everything in this language from now on, and turns the page round where it is read so. `hint` is
 * what the meeting believes this person reads; it counts before the browser's wish. A language that
 * cannot be fetched leaves the page in the one it has.
 */
export async function showLanguage(
  chosen: string | null,
  hint: string | null = null,
): Promise<void> {
  const tags = hint === null ? navigator.languages : [hint, ...navigator.languages];
  const language = pickLanguage(chosen, tags);
  try {
    await fetchTexts(language.code);
  } catch {
    return;
  }
  direction = language.dir;
  await translator.changeLanguage(language.code);
  document.documentElement.lang = language.code;
  document.documentElement.dir = language.dir;
}

/** Fetches a part in the language shown, and in English, which every other falls back to. */
export async function loadTexts(part: Part): Promise<void> {
  needed.add(part);
  // Without the other language it is read in English, as everything else is that was never translated.
  const shown = fetchTexts(translator.language).catch(() => undefined);
  await Promise.all([fetchTexts("en"), shown]);
}

export async function startI18n(chosen: string | null): Promise<void> {
  await translator.use(initReactI18next).init({
    // A copy, to which the other catalogues are added.
    resources: { en: { translation: structuredClone(en) } },
    lng: "en",
    fallbackLng: "en",
    // React escapes; what is needed here is that names keep to themselves.
    interpolation: {
      escapeValue: true,
      useRawValueToEscape: true,
      escape: (value: unknown) => isolate(value, direction),
    },
    returnEmptyString: true,
  });
  await showLanguage(chosen);
}
