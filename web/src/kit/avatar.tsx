const COLOURS = 6;

/** The same person has the same colour everywhere. */
export function colourOf(id: string): number {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return hash % COLOURS;
}

/** Keeps two letters of a cursive script from running together into a syllable. */
const NON_JOINER = "\u200c";

/** First letters of the first and last word; whole characters, so that no script is cut in half. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/u);
  const first = [...(words[0] ?? "")][0] ?? "?";
  const last = words.length > 1 ? ([...(words.at(-1) ?? "")][0] ?? "") : "";
  return (last === "" ? first : first + NON_JOINER + last).toLocaleUpperCase();
}

export function Avatar({ id, name }: { readonly id: string; readonly name: string }) {
  return (
    <span className={`avatar colour-${colourOf(id)}`} aria-hidden="true">
      {initialsOf(name)}
    </span>
  );
}
