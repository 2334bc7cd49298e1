// ./run images: an image of each service by the SDK's own container support; no Dockerfile, no engine needed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { folderOf, main, Refusal, root, say, seconds, services } from "./platform.mjs";

const parts = [...services, "gateway"];
const projectOf = (part) => part === "gateway" ? "gateway/Gateway.csproj" : `services/${folderOf(part)}/${folderOf(part)}.csproj`;
const run = (command, args) => spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024, env: { ...process.env, MSBUILDDISABLENODEREUSE: "1" } });

function parse(args) {
  const given = { names: [] };
  for (let i = 0; i < args.length; i++) {
    const name = args[i].replace(/^--/, "");
    if (!args[i].startsWith("--")) given.names.push(args[i]);
    else if (!["to", "registry", "tag", "base"].includes(name)) throw new Refusal(`Unknown option ${args[i]}: --to DIR | --registry HOST, --tag TAG, --base IMAGE.`);
    else if (!args[i + 1]) throw new Refusal(`${args[i]} needs a value.`);
    else given[name] = args[++i];
  }
  const unknown = given.names.find((name) => !parts.includes(name));
  if (unknown) throw new Refusal(`There is no service '${unknown}'; there are: ${parts.join(", ")}.`);
  if (given.to && given.registry) throw new Refusal("--to writes archives, --registry pushes: give one of them.");
  return given;
}

/** What went wrong in a sentence, out of what MSBuild says about it. */
function reason(output, base) {
  const network = /(?:HttpRequestException|SocketException)[^:]*: ([^\n[]*)/.exec(output) ?? /(CONTAINER\d+: [^\n[]*)/.exec(output);
  if (network) return `the base image ${base} cannot be read: ${network[1].trim()}. Name a mirror of it with --base HOST/dotnet/aspnet:TAG.`;
  return (/error ([A-Z]+\d+: [^\n[]*)/.exec(output)?.[1] ?? output.trim().split("\n").at(-1)).slice(0, 400);
}

await main(async () => {
  const given = parse(process.argv.slice(2));
  const wanted = given.names.length > 0 ? [...new Set(given.names)] : parts;
  const tag = given.tag ?? ((run("git", ["describe", "--always", "--dirty", "--abbrev=12"]).stdout ?? "").trim() || "latest");
  const base = given.base ?? run("dotnet", ["msbuild", projectOf(wanted[0]), "-t:ComputeContainerBaseImage", "-getProperty:ContainerBaseImage", "-nologo"]).stdout.trim();
  const engine = !given.to && !given.registry && ["docker", "podman"].some((name) => run(name, ["info"]).status === 0);
  const folder = engine || given.registry ? null : resolve(given.to ?? join(root, "artifacts", "images"));
  if (folder) mkdirSync(folder, { recursive: true });
  say(`Base image ${base}, tag ${tag}, ${folder ? `archives in ${folder}` : given.registry ? `pushed to ${given.registry}` : "into this machine's container engine"}`);
  for (const part of wanted) {
    const began = Date.now();
    const archive = folder && join(folder, `${part}.tar.gz`);
    const { status, stdout, stderr } = run("dotnet", [
      "publish", projectOf(part), "-c", "Release", "--nologo", "-v", "quiet", "-t:PublishContainer", `-p:ContainerImageTag=${tag}`, `-p:ContainerBaseImage=${base}`,
      ...(archive ? [`-p:ContainerArchiveOutputPath=${archive}`] : []), ...(given.registry ? [`-p:ContainerRegistry=${given.registry}`] : []),
    ]);
    if (status !== 0) throw new Refusal(`No image of ${part}: ${reason(`${stdout}${stderr}`, base)}`);
    say(`  opsplatform/${part}:${tag} in ${seconds(began)}${archive && existsSync(archive) ? `, ${(statSync(archive).size / 1024 / 1024).toFixed(1)} MiB` : ""}`);
  }
  if (folder) say("Load them where an engine is: docker load --input FILE.");
});
