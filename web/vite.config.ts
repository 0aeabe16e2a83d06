// How the page is built (tools/build-page.ts calls it) and, with `npm run page`, served while one works on it.

import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where a server runs whose API the page under work uses. */
const server = process.env["COLDPATH_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    target: "es2023",
    // Nothing inlined: the Content-Security-Policy wants files.
    assetsInlineLimit: 0,
    license: { fileName: "licences.md" },
    chunkSizeWarningLimit: 1500,
    // Which chunk is loaded first: the budget is a test (test/page/shell.test.ts).
    manifest: "manifest.json",
  },
  server: {
    host: "127.0.0.1",
    // The server sees the name and origin that it knows.
    proxy: { "/api": { target: server, changeOrigin: true, headers: { origin: server } }, "/docs": server },
  },
});
