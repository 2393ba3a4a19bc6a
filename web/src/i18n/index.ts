/**
 * Translations: English is always there, another language is fetched from our own origin when chosen. What is
 * only said inside a meeting is in catalogues of its own (`activities.*.json`), so that the way in stays light.
 */
import { createInstance } from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./locales/en.json";
import type meeting from "./locales/activities.en.json";

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

type Catalogue = typeof en & typeof meeting;

type Part = { readonly default: object };

const loaders: Readonly<Record<string, () => Promise<readonly Part[]>>> = {
  ar: () => Promise.all([import("./locales/ar.json"), import("./locales/activities.ar.json")]),
};

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
  const wanted = hint === null ? navigator.languages : [hint, ...navigator.languages];
  const language = pickLanguage(chosen, wanted);
  const load = loaders[language.code];
  if (load && !translator.hasResourceBundle(language.code, "translation")) {
    try {
      for (const { default: texts } of await load()) {
        translator.addResourceBundle(language.code, "translation", texts, true);
      }
    } catch {
      return;
    }
  }
  direction = language.dir;
  await translator.changeLanguage(language.code);
  document.documentElement.lang = language.code;
  document.documentElement.dir = language.dir;
}

/** Fetches what is said inside a meeting in English, which every other language falls back to. */
export async function loadMeetingTexts(): Promise<void> {
  const { default: texts } = await import("./locales/activities.en.json");
  translator.addResourceBundle("en", "translation", texts, true);
}

export async function startI18n(chosen: string | null): Promise<void> {
  await translator.use(initReactI18next).init({
    resources: { en: { translation: en } },
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
