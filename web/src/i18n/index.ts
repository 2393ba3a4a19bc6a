/** Translations: English is always there, another language is fetched from our own origin when chosen. */
import { createInstance } from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./locales/en.json";

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

type Catalogue = typeof en;

const loaders: Readonly<Record<string, () => Promise<{ default: unknown }>>> = {
  ar: () => import("./locales/ar.json"),
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

/** Shows everything in this language from now on, and turns the page round where it is read so. */
export async function showLanguage(chosen: string | null): Promise<void> {
  const language = pickLanguage(chosen, navigator.languages);
  const load = loaders[language.code];
  if (load && !translator.hasResourceBundle(language.code, "translation")) {
    translator.addResourceBundle(language.code, "translation", (await load()).default);
  }
  await translator.changeLanguage(language.code);
  document.documentElement.lang = language.code;
  document.documentElement.dir = language.dir;
}

export async function startI18n(chosen: string | null): Promise<void> {
  await translator.use(initReactI18next).init({
    resources: { en: { translation: en } },
    lng: "en",
    fallbackLng: "en",
    interpolation: { escapeValue: false },
    returnEmptyString: true,
  });
  await showLanguage(chosen);
}
