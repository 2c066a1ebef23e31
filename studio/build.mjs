// Bundles the pages into a folder: node build.mjs [FOLDER]. Default: ../cef_bridge/studio/static.
//
// A page is an HTML file in src/ with a script of the same name. What is written has no source maps
// and names no other host. LICENSES.txt has the licences of all packages that are in a bundle.

import { build } from "esbuild";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const target = resolve(process.argv[2] ?? join(here, "..", "cef_bridge", "studio", "static"));

const names = await readdir(source);
const pages = names
  .filter((name) => name.endsWith(".html"))
  .map((name) => name.slice(0, -".html".length));
const entries = pages.map((page) => {
  const file = [`${page}.tsx`, `${page}.ts`].find((name) => names.includes(name));
  if (!file) throw new Error(`src/${page}.html has no script src/${page}.ts`);
  return join(source, file);
});

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
const made = await build({
  entryPoints: entries,
  outdir: target,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome123", "firefox120", "safari17.5"],
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { "process.env.NODE_ENV": '"production"' },
  metafile: true,
  logLevel: "warning",
  absWorkingDir: here,
});
for (const name of names.filter((name) => /\.(html|svg)$/.test(name))) {
  await copyFile(join(source, name), join(target, name));
}
await writeFile(join(target, "LICENSES.txt"), await licenses(Object.keys(made.metafile.inputs)));

// Returns the licence texts of the packages that files come from, sorted by name.
async function licenses(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const found = /^(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (found) folders.add(found[1]);
  }
  const texts = [];
  for (const folder of [...folders].sort()) {
    const about = JSON.parse(await readFile(join(here, folder, "package.json"), "utf8"));
    const file = ["LICENSE", "LICENSE.md", "LICENSE.txt", "license"].find((name) =>
      existsSync(join(here, folder, name)),
    );
    if (!file) throw new Error(`${folder} has no licence file`);
    const text = (await readFile(join(here, folder, file), "utf8")).trim();
    texts.push(`${about.name} ${about.version} (${about.license})\n\n${text}\n`);
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}
