/**
 * What draws people in front of something else: a program and a model, taken from the package as they are. The worker
 * looks for them beside itself, so all of it goes into one folder, whose name changes with the version of the package.
 */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

const PACKAGE = "@twilio/video-processors";
/** Browsers without vectors are not offered a background, so there is no program for them. */
const FILES = [
  "tflite-simd-1-0-0.js",
  "tflite-simd-1-0-0.wasm",
  "selfie_segmentation_landscape.tflite",
];

const inPackage = async (path: string): Promise<Buffer> => {
  const main = fileURLToPath(import.meta.resolve(PACKAGE));
  return readFile(main.replace(/es5[/\\]index\.js$/u, path));
};

const { version } = JSON.parse((await inPackage("package.json")).toString()) as {
  version: string;
};

/** Where the worker is, with everything it fetches. */
export const BACKGROUNDS = `assets/backgrounds-${version}`;

export function backgrounds(): Plugin {
  return {
    name: "backgrounds",
    apply: "build",
    async generateBundle() {
      const emit = (file: string, source: Buffer) =>
        this.emitFile({ type: "asset", fileName: `${BACKGROUNDS}/${file}`, source });
      for (const file of FILES) emit(file, await inPackage(`dist/build/${file}`));
      // Its terms travel with it.
      emit("LICENSE.md", await inPackage("LICENSE.md"));
    },
  };
}
