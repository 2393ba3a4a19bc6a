// Runs before the first paint, so that nobody who chose dark is blinded by a white page first. The page's own code
// does the same again when it has loaded; `src/kit/theme.dom.test.ts` holds the two together.
(() => {
  let choice;
  try {
    choice = JSON.parse(localStorage.getItem("plenum.prefs") ?? "{}").theme;
  } catch {
    // Forbidden or damaged storage: the system decides.
  }
  const dark =
    choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
