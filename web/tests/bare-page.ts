/**
 * As much of a page as a session needs, which only listens to it: a window and a document that tell of events. Imported by
 * tests of sessions, it lets them run in plain Node.
 */
class BareDocument extends EventTarget {
  get hidden(): boolean {
    return false;
  }
}

Object.assign(globalThis, { window: new EventTarget(), document: new BareDocument() });
