// The web page's files: `web/dist`, as tools/build-page.ts made it, and the documents that it refers to. Open to anyone: they
// hold no secret and have no power, all that the page does goes through /api/v1.
//
// Hashed files under /assets may be kept for ever; index.html is asked for again each time, and is also the answer to every
// other path that a browser navigates to, because the page routes by itself. What is no navigation stays a 404 in JSON.
//
// The page is looked for at each request: it may be built while the server runs, and the server starts without it.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyReply, FastifyRequest } from "fastify";
import { answerUnknownRoute } from "../error-answer.ts";
import type { AdminOptions } from "../options.ts";
import type { Api } from "../schema.ts";

/**
 * What the page may load and do: only what comes from here. Griffel, Fluent UI's styles, makes empty `<style>` elements and adds
 * rules to them from scripts; the hash is that of the empty text and lets nothing else in (docs/decisions/0019-page.md).
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");
const features = ["camera", "microphone", "geolocation", "payment", "usb", "serial", "hid", "midi", "display-capture"];
const pageHeaders = {
  "content-security-policy": policy,
  "permissions-policy": features.map((feature) => `${feature}=()`).join(", "),
  "cross-origin-opener-policy": "same-origin",
};
/** Answers of these are no pages, whatever a browser asks for. */
const notPages = /^\/(?:api|assets|docs|healthz|readyz|metrics)(?:\/|$)/;

export async function pageRoutes(app: Api, { pageDirectory, docsDirectory }: AdminOptions): Promise<void> {
  await app.register(fastifyStatic, {
    serve: false,
    root: pageDirectory,
    preCompressed: true,
    cacheControl: false,
    dotfiles: "ignore",
    suppressWarning: true,
  });
  app.get("/", async (_request, reply) => await sendPage(pageDirectory, reply));
  app.get("/icon.svg", async (_request, reply) => await reply.header("cache-control", "no-cache").sendFile("icon.svg"));
  app.get("/assets/:file", async (request, reply) => {
    const { file } = request.params as { file: string };
    const isThere = !file.includes("/") && existsSync(join(pageDirectory, "assets", file));
    if (!isThere) return await answerUnknownRoute(request, reply);
    // Names hold the hash of the content: another content has another name.
    return await reply.header("cache-control", "public, max-age=31536000, immutable").sendFile(`assets/${file}`);
  });
  app.get("/docs/:file", async (request, reply) => {
    const { file } = request.params as { file: string };
    // As text: browsers show Markdown as that or not at all.
    const text = /^[\w-]+\.md$/.test(file) ? await readFile(join(docsDirectory, file), "utf8").catch(() => null) : null;
    if (text === null) return await answerUnknownRoute(request, reply);
    return await reply.header("cache-control", "no-cache").type("text/plain; charset=utf-8").send(text);
  });
  app.setNotFoundHandler(async (request, reply) =>
    isNavigation(request) ? await sendPage(pageDirectory, reply) : await answerUnknownRoute(request, reply),
  );
}

/** Whether a browser asks for something to show, at a path that is the page's own affair. */
function isNavigation({ method, url, headers }: FastifyRequest): boolean {
  const path = url.split("?", 1)[0] ?? "";
  return (
    (method === "GET" || method === "HEAD") && (headers.accept ?? "").includes("text/html") && !notPages.test(path)
  );
}

async function sendPage(pageDirectory: string, reply: FastifyReply): Promise<FastifyReply> {
  if (!existsSync(join(pageDirectory, "index.html"))) {
    return await reply
      .code(503)
      .type("text/plain; charset=utf-8")
      .send(
        "Coldpath runs, and devices are served, but its web page is not built.\n\n" +
          "To build it, run in Coldpath's directory:  npm ci && npm run build:page\n" +
          "Then reload this page; the server need not be started again.\n",
      );
  }
  void reply.headers({ ...pageHeaders, "cache-control": "no-cache" });
  return await reply.sendFile("index.html");
}
