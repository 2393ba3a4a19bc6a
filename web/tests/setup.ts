import { loadTexts, startI18n } from "../src/i18n";

/** Tests read the page in English, as the texts in them are. */
await startI18n("en");
await loadTexts("meeting");
await loadTexts("activities");
await loadTexts("backgrounds");
await loadTexts("lti");

/** Nothing is laid out here, so the stage is told that it has a screen to itself. */
globalThis.ResizeObserver = class {
  readonly #tell: ResizeObserverCallback;
  constructor(tell: ResizeObserverCallback) {
    this.#tell = tell;
  }
  observe(target: Element) {
    if (!target.classList.contains("canvas")) return;
    const contentRect = { width: 1280, height: 720 };
    this.#tell([{ contentRect } as ResizeObserverEntry], this);
  }
  unobserve() {}
  disconnect() {}
};
