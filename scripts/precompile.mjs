// After a Release build: native code beside the IL of what the services are made of, so that starting processes compile
// less. Each assembly is compiled once and kept; where the compiler cannot be had, everything runs as it was built.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { root, say, seconds } from "./platform.mjs";

const kept = join(root, "artifacts", "precompiled");
const refused = join(kept, "no-compiler"); // Not asked for at every build where there is none.
const askAgainAfterMs = 86_400_000;
const since = Date.now();
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 32);
const assembliesIn = (...projects) => projects.map((project) => join(root, project, "bin", "Release", "net10.0")).filter(existsSync)
  .flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith(".dll")).map((name) => join(folder, name)));
const below = (parent) => readdirSync(join(root, parent)).map((name) => join(parent, name));

/** Null where it does not restore. */
function compiler() {
  if (existsSync(refused) && since - statSync(refused).mtimeMs < askAgainAfterMs) return null;
  try {
    return findCompiler();
  } catch {
    mkdirSync(kept, { recursive: true });
    writeFileSync(refused, "");
    return null;
  }
}

function findCompiler() {
  const asked = spawnSync("dotnet", ["msbuild", join(root, "scripts", "precompile.proj"), "-restore", "-nologo", "-t:Restored",
    "-getProperty:CompilerFolder", "-getProperty:NetCoreTargetingPackRoot", "-getProperty:NETCoreSdkPortableRuntimeIdentifier"], { cwd: root, encoding: "utf8" });
  if (asked.status !== 0) throw new Error(asked.stdout);
  const { CompilerFolder, NetCoreTargetingPackRoot, NETCoreSdkPortableRuntimeIdentifier } = JSON.parse(asked.stdout).Properties;
  const [os, architecture] = NETCoreSdkPortableRuntimeIdentifier.split("-");
  const references = ["Microsoft.NETCore.App", "Microsoft.AspNetCore.App"].map((name) => join(dirname(NetCoreTargetingPackRoot), "shared", name))
    .map((versions) => join(versions, readdirSync(versions).filter((version) => version.startsWith("10."))
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1)));
  return (assembly, output) => new Promise((end) => {
    const from = [...references, dirname(assembly)].flatMap((folder) => ["-r", join(folder, "*.dll")]);
    spawn(join(CompilerFolder, "crossgen2"), [assembly, "-o", output, "--targetos", os, "--targetarch", architecture, "-O", ...from], { stdio: "ignore" })
      .on("error", () => end(false)).on("close", (status) => end(status === 0));
  });
}

const compile = compiler();
if (!compile) {
  say("Not precompiled: the SDK's ahead-of-time compiler does not restore here. Everything runs, and starts more slowly.");
  process.exit(0);
}

mkdirSync(kept, { recursive: true });
const places = new Map(); // Of each content: where it stands.
const own = assembliesIn(...below("services"), "gateway", "AppHost.Local", "replay");
for (const assembly of [...own, ...assembliesIn(...below("tests"))]) {
  const name = `${hash(readFileSync(assembly))}-${basename(assembly)}`;
  if (own.includes(assembly) || places.has(name)) places.set(name, [...(places.get(name) ?? []), assembly]);
}

const used = new Set();
const waiting = [...places];
let made = 0;
await Promise.all(Array.from({ length: availableParallelism() }, async () => {
  for (let next; (next = waiting.pop());) {
    const [name, [first, ...others]] = next;
    const compiled = join(kept, name);
    const marker = `${name}.from`; // Stands for what came out of the compiler, which does not take it again, and names what went in.
    if (existsSync(join(kept, marker))) {
      used.add(marker).add(readFileSync(join(kept, marker), "utf8"));
      continue;
    }

    if (!existsSync(compiled)) {
      const output = join(kept, `${process.pid}-${basename(first)}`);
      if (!(await compile(first, output))) copyFileSync(first, output);
      renameSync(output, compiled);
      made++;
    }

    const result = `${hash(readFileSync(compiled))}-${basename(first)}.from`;
    writeFileSync(join(kept, result), name);
    used.add(name).add(result);
    for (const assembly of [first, ...others]) {
      linkSync(compiled, `${assembly}.new`); // One file for all services, so that it is in memory once.
      renameSync(`${assembly}.new`, assembly); // A process that runs from here keeps what it has open.
    }
  }
}));
for (const name of readdirSync(kept).filter((name) => !used.has(name))) rmSync(join(kept, name));
if (made > 0) say(`Precompiled ${made} assemblies in ${seconds(since)}`);
