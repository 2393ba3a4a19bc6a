import "@fontsource-variable/inter/wght.css";
import "../kit/tokens.css";
import "../kit/base.css";
import { createRoot } from "react-dom/client";
import { Announcer } from "../kit/announcer";
import { applyTheme, showThemeColour } from "../kit/theme";
import { createPrefs } from "../session/prefs";
import { PrefsContext } from "../features/settings/prefs-context";
import { App } from "./app";
import { applyDesign } from "./design";
import { ErrorBoundary } from "./error-boundary";
import { showLanguage, startI18n } from "../i18n";
import { createNavigation } from "./navigation";
import { storage } from "./storage";

async function start(): Promise<void> {
  const root = document.getElementById("root");
  if (!root) throw new Error("the page has no root element");
  const prefs = createPrefs(storage());
  const navigation = createNavigation();
  const applyNow = applyTheme(() => prefs.getSnapshot().theme);
  const paint = () => {
    applyNow();
    const dark = document.documentElement.dataset["theme"] === "dark";
    applyDesign(navigation.design(), dark ? "dark" : "light");
    showThemeColour();
  };
  paint();
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  await startI18n(prefs.getSnapshot().language);
  let language = prefs.getSnapshot().language;
  prefs.subscribe(() => {
    paint();
    const wanted = prefs.getSnapshot().language;
    if (wanted !== language) void showLanguage(wanted);
    language = wanted;
  });
  createRoot(root).render(
    <PrefsContext value={prefs}>
      <ErrorBoundary>
        <App navigation={navigation} />
      </ErrorBoundary>
      <Announcer />
    </PrefsContext>,
  );
}

void start();
