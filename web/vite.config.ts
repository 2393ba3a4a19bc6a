import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { BACKGROUNDS, backgrounds } from "./backgrounds.ts";
import { emoji } from "./emoji.ts";
import { sizeBudget } from "./size-budget.ts";

/** Where `npm run dev` finds a running server; the built client always talks to its own origin. */
const devServer = process.env["PLENUM_DEV_SERVER"] ?? "http://127.0.0.1:8080";

/** Where a style sheet or a font goes. */
function assetName(name: string): string {
  if (!name.endsWith(".css")) return "assets/[name]-[hash][extname]";
  return name === "index.css" ? "assets/css/main-[hash].css" : "assets/css/[name]-[hash].css";
}

export default defineConfig({
  plugins: [react(), emoji(), backgrounds(), sizeBudget()],
  // A plain script: what it brings along with `importScripts` is one.
  worker: {
    format: "iife",
    rolldownOptions: { output: { entryFileNames: `${BACKGROUNDS}/[name]-[hash].js` } },
  },
  build: {
    target: "es2022",
    outDir: "dist",
    sourcemap: false,
    // Fonts stay files: a data: URL in the style sheet would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The client itself, and the page people come to from a course.
    rolldownOptions: {
      input: ["index.html", "lti.html"],
      output: {
        // Who embeds the client asks the server which files to load (`getClientFiles`): scripts in `js` and style sheets
        // in `css` whose names begin with `main`.
        entryFileNames: ({ name }) => `assets/js/${name === "index" ? "main" : name}-[hash].js`,
        chunkFileNames: "assets/js/[name]-[hash].js",
        assetFileNames: ({ names }) => assetName(names[0] ?? ""),
      },
    },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: {
      "/api": devServer,
      "/backgrounds": devServer,
      "/lti/v1": devServer,
      "/nats": { target: devServer, ws: true },
      "/rtc": { target: devServer, ws: true },
    },
  },
  test: {
    css: true,
    // Begins sooner than a process for each file.
    pool: "threads",
    // A page costs more to set up than most tests to run, so only those that say by their name that they need one get it.
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          environment: "node",
          include: ["src/**/!(*.dom).test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "dom",
          environment: "happy-dom",
          include: ["src/**/*.dom.test.ts", "src/**/*.test.tsx"],
          setupFiles: ["./tests/setup.ts"],
        },
      },
    ],
  },
});
