/** The page people come to from a course of a learning platform. */
import "@fontsource-variable/inter/wght.css";
import "../kit/tokens.css";
import "../kit/base.css";
import { createRoot } from "react-dom/client";
import { LtiPage, subject } from "../features/lti";
import { PrefsContext } from "../features/settings/prefs-context";
import { loadTexts, showLanguage, startI18n } from "../i18n";
import { Announcer } from "../kit/announcer";
import { applyTheme } from "../kit/theme";
import { createPrefs } from "../session/prefs";
import { applyDesign } from "./design";
import { ErrorBoundary } from "./error-boundary";
import { storage } from "./storage";

async function start(): Promise<void> {
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no root element");
  const about = subject();
  const prefs = createPrefs(storage());
  const applyNow = applyTheme(() => prefs.getSnapshot().theme);
  const design = about?.page === "room" ? JSON.stringify(about.design) : null;
  const paint = () => {
    applyNow();
    const dark = document.documentElement.dataset["theme"] === "dark";
    applyDesign(design, dark ? "dark" : "light");
  };
  paint();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  let language = prefs.getSnapshot().language;
  await startI18n(language);
  await loadTexts("lti");
  prefs.subscribe(() => {
    paint();
    const wanted = prefs.getSnapshot().language;
    if (wanted !== language) void showLanguage(wanted);
    language = wanted;
  });
  createRoot(root).render(
    <PrefsContext value={prefs}>
      <ErrorBoundary>
        <LtiPage about={about} />
      </ErrorBoundary>
      <Announcer />
    </PrefsContext>,
  );
}

void start();
