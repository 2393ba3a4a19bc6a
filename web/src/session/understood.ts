import { WireError } from "../wire/decode";

/** What others send may be garbage; garbage is `null` and not shown. */
export function understood<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) return null;
    throw error;
  }
}
