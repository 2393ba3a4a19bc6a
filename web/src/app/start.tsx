/** What every page of ours begins with: looks, language, preferences, and a place for what it shows. */
import "@fontsource-variable/inter/wght.css";
import "../kit/tokens.css";
import "../kit/base.css";
import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { PrefsContext } from "../features/settings/prefs-context";
import { showLanguage, startI18n } from "../i18n";
import { Announcer } from "../kit/announcer";
import { applyTheme } from "../kit/theme";
import { createPrefs } from "../session/prefs";
import { applyDesign } from "./design";
import { ErrorBoundary } from "./error-boundary";
import { storage } from "./storage";

interface Page {
  readonly content: ReactNode;
  /** Colours somebody else wants for it, as they were sent. */
  design(): string | null;
  /** After the colours were chosen, also anew. */
  readonly painted?: () => void;
  /** What it needs besides, before it is shown. */
  readonly prepare?: () => Promise<unknown>;
}

export async function startPage({ content, design, painted, prepare }: Page): Promise<void> {
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no root element");
  const prefs = createPrefs(storage());
  const applyNow = applyTheme(() => prefs.getSnapshot().theme);
  const paint = () => {
    applyNow();
    const dark = document.documentElement.dataset["theme"] === "dark";
    applyDesign(design(), dark ? "dark" : "light");
    painted?.();
  };
  paint();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  let language = prefs.getSnapshot().language;
  await startI18n(language);
  await prepare?.();
  prefs.subscribe(() => {
    paint();
    const wanted = prefs.getSnapshot().language;
    if (wanted !== language) void showLanguage(wanted);
    language = wanted;
  });
  createRoot(root).render(
    <PrefsContext value={prefs}>
      <ErrorBoundary>{content}</ErrorBoundary>
      <Announcer />
    </PrefsContext>,
  );
}
