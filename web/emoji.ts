/** The signs people can send, as pictures of our own: what the system draws differs, and on many machines it is nothing. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

/** What is offered, by its name in the collection. */
const NAMES = {
  "👍": "thumbs-up",
  "❤️": "red-heart",
  "😂": "face-with-tears-of-joy",
  "🎉": "party-popper",
  "👏": "clapping-hands",
  "🙌": "raising-hands",
  "😯": "hushed-face",
} as const;

export type Sign = keyof typeof NAMES;

const MODULE = "virtual:emoji";
/** Modules with a zero are nobody's file. */
const RESOLVED = `\0${MODULE}`;

interface Collection {
  readonly width?: number;
  readonly height?: number;
  readonly icons: Readonly<Record<string, { readonly body: string }>>;
}

/** Makes `virtual:emoji`, the address of the picture of each sign. Only these few leave the collection. */
export function emoji(): Plugin {
  return {
    name: "emoji",
    resolveId: (id) => (id === MODULE ? RESOLVED : null),
    async load(id) {
      if (id !== RESOLVED) return null;
      const file = fileURLToPath(import.meta.resolve("@iconify-json/noto/icons.json"));
      const collection = JSON.parse(await readFile(file, "utf8")) as Collection;
      const pictures = Object.entries(NAMES).map(([sign, name]) => [
        sign,
        picture(collection, name),
      ]);
      return `export default ${JSON.stringify(Object.fromEntries(pictures))};`;
    },
  };
}

function picture({ width = 16, height = 16, icons }: Collection, name: string): string {
  const icon = icons[name];
  if (!icon) throw new Error(`the collection has no ${name}`);
  const box = `viewBox="0 0 ${width} ${height}"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${box}>${icon.body}</svg>`;
  return `data:image/svg+xml,${svg.replace(/[%#<>"]/gu, encodeURIComponent)}`;
}
