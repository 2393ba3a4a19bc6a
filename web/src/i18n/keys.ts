/** The keys of all texts as a type: a key put together from parts must be one of them to compile. */
import type en from "./locales/en.json";
import type activities from "./locales/activities.en.json";
import type lti from "./locales/lti.en.json";
import type meeting from "./locales/meeting.en.json";

type Paths<T, Before extends string = ""> = {
  [K in keyof T & string]: T[K] extends string ? `${Before}${K}` : Paths<T[K], `${Before}${K}.`>;
}[keyof T & string];

type Counted<Key> = Key extends `${infer Base}_${"one" | "other"}` ? Base : Key;

/** A text of the English catalogues; one that counts is named without its plural form. */
export type TextKey = Counted<Paths<typeof en & typeof meeting & typeof activities & typeof lti>>;
