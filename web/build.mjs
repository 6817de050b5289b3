// Builds what the browser loads: styles/*.css, islands/*.ts(x) and images/* become static/NAME.HASH.EXT, beside each a
// .gz and a .br where those are smaller, and static/manifest.json says which name stands for which file.
// A source whose name begins with "_", or that lies in a folder, is a part that others import.

import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const root = join(import.meta.dirname, "cloudconnect_web");
const target = join(root, "static");
const fresh = join(root, `static.${process.pid}`);
const TOO_SMALL_TO_COMPRESS = 256;

async function sources(folder, pattern) {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && !entry.name.startsWith("_") && pattern.test(entry.name))
    .map((entry) => join(root, folder, entry.name));
}

async function bundled() {
  const entryPoints = [...(await sources("styles", /\.css$/)), ...(await sources("islands", /(?<!\.d)\.tsx?$/))];
  const result = await build({
    entryPoints,
    outdir: target,
    entryNames: "[name]",
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "chrome111", "firefox115", "safari16.4"],
    jsx: "automatic",
    jsxImportSource: "preact",
    external: ["/static/*"],
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
    write: false,
  });
  return result.outputFiles.map((file) => ({ name: basename(file.path), content: Buffer.from(file.contents) }));
}

async function images() {
  const paths = await sources("images", /\.(svg|png|ico|webp|woff2|webmanifest)$/);
  return Promise.all(paths.map(async (path) => ({ name: basename(path), content: await readFile(path) })));
}

function hashed(name, content) {
  const extension = extname(name);
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 12);
  return `${basename(name, extension)}.${hash}${extension}`;
}

async function writeWithCompressed(path, content) {
  await writeFile(path, content);
  if (content.length < TOO_SMALL_TO_COMPRESS) return;
  const brotli = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });
  for (const [extension, packed] of [["gz", gzipSync(content, { level: 9 })], ["br", brotli]]) {
    if (packed.length < content.length) await writeFile(`${path}.${extension}`, packed);
  }
}

await mkdir(fresh, { recursive: true });
try {
  const manifest = {};
  for (const { name, content } of [...(await bundled()), ...(await images())]) {
    if (name in manifest) throw new Error(`two sources would both become ${name}`);
    manifest[name] = hashed(name, content);
    await writeWithCompressed(join(fresh, manifest[name]), content);
  }
  const names = Object.keys(manifest).sort();
  const sorted = Object.fromEntries(names.map((name) => [name, manifest[name]]));
  await writeFile(join(fresh, "manifest.json"), `${JSON.stringify(sorted, null, 2)}\n`);
  // A daemon that runs from this tree must never see half a build, so the folder is changed as a whole.
  await rm(target, { recursive: true, force: true });
  await rename(fresh, target);
} finally {
  await rm(fresh, { recursive: true, force: true });
}
