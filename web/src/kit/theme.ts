/** Light or dark, following the system unless somebody chose. */
export type ThemeChoice = "system" | "light" | "dark";

const DARK = "(prefers-color-scheme: dark)";

/** Applies the choice and keeps following the system while that is the choice. */
export function applyTheme(choice: () => ThemeChoice): () => void {
  const system = window.matchMedia(DARK);
  const apply = () => {
    const wanted = choice();
    const theme = wanted === "system" ? (system.matches ? "dark" : "light") : wanted;
    document.documentElement.dataset["theme"] = theme;
  };
  system.addEventListener("change", apply);
  apply();
  return apply;
}

/** Gives the browser's own bars, on phones above all, the colour of the page. */
export function showThemeColour(): void {
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--stage").trim();
  const meta = document.querySelector<HTMLMetaElement>("meta[name=theme-color]");
  if (meta && colour !== "") meta.content = colour;
}
