/** Has the build fail when the way to the green room becomes too heavy. */
import { gzipSync } from "node:zlib";
import type { Plugin, Rolldown } from "vite";

/** What may be loaded before somebody can join: scripts and styles, gzip, in bytes. */
const BUDGET = 250_000;

/** What is loaded by then: the page, the visit and its line to the server, with everything they import at once. */
const ROOTS = ["/index.html", "/src/features/visit/index.ts", "/src/session/nats-link.ts"];

/** What nobody needs before the meeting: an import that brings it along has slipped in. */
const LATER = ["@headlessui/react", "@twilio/video-processors", "dompurify", "livekit-client"];

export function sizeBudget(): Plugin {
  return {
    name: "size-budget",
    apply: "build",
    writeBundle: {
      // After the styles have been written out of the scripts.
      order: "post",
      handler(_, bundle) {
        const files = [...loaded(bundle)];
        const early = files.flatMap((name) => tooEarly(bundle[name]));
        if (early.length > 0) this.error(`On the way in, but for later:\n  ${early.join("\n  ")}`);
        const sizes = files.map((name) => {
          const file = bundle[name];
          const text = file?.type === "chunk" ? file.code : (file?.source ?? "");
          return [name, gzipSync(text).byteLength] as const;
        });
        const sum = sizes.reduce((all, [, size]) => all + size, 0);
        this.info(`first screen: ${kilo(sum)} of ${kilo(BUDGET)} gzip`);
        if (sum <= BUDGET) return;
        const list = sizes.map(([name, size]) => `  ${kilo(size)} ${name}`).join("\n");
        this.error(`The first screen weighs ${kilo(sum)}, ${kilo(BUDGET)} are allowed:\n${list}`);
      },
    },
  };
}

const kilo = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

function tooEarly(file: Rolldown.OutputBundle[string] | undefined): readonly string[] {
  if (file?.type !== "chunk") return [];
  return Object.keys(file.modules).filter((id) =>
    LATER.some((name) => id.includes(`/node_modules/${name}/`)),
  );
}

function loaded(bundle: Rolldown.OutputBundle): Set<string> {
  const files = new Set<string>();
  const add = (name: string) => {
    const chunk = bundle[name];
    if (files.has(name) || chunk?.type !== "chunk") return;
    files.add(name);
    for (const style of chunk.viteMetadata?.importedCss ?? []) files.add(style);
    chunk.imports.forEach(add);
  };
  for (const root of ROOTS) {
    const start = Object.values(bundle).find(
      (file) => file.type === "chunk" && file.facadeModuleId?.endsWith(root),
    );
    if (!start) throw new Error(`no chunk begins with ${root}: has it moved?`);
    add(start.fileName);
  }
  return files;
}
