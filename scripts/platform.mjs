// What backup and restore share: where the databases are, how to ask them, and how to stop and start a service.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Folders of the services, by the name each calls itself. */
const folders = Object.fromEntries(readdirSync(join(root, "services")).map((folder) =>
  [/AddServiceDefaults\("([a-z]+)"\)/.exec(readFileSync(join(root, "services", folder, "Program.cs"), "utf8"))[1], folder]));
export const services = Object.keys(folders);
export const folderOf = (service) => folders[service];
const state = process.env.OPS_STATE;
const stoppedWithinMs = 90_000;
const healthyWithinMs = 120_000;

export class Refusal extends Error {}

export const say = (text) => console.log(text);
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
export const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

const rows = () => existsSync(join(state ?? "", "status.tsv"))
  ? readFileSync(join(state, "status.tsv"), "utf8").split("\n").filter(Boolean).map((line) => line.split("\t"))
  : [];

/** OPS_POSTGRES (postgresql://user:password@host:port, an administrator) or else the server that ./run up started. */
function server() {
  if (process.env.OPS_POSTGRES) {
    const url = new URL(process.env.OPS_POSTGRES);
    return { host: url.hostname, port: url.port || "5432", user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  }
  const row = rows().find(([name]) => name === "postgres");
  if (!row) throw new Refusal("Nothing is up, so there is no PostgreSQL to ask: start it with ./run up, or set OPS_POSTGRES=postgresql://admin:password@host:port.");
  const secrets = JSON.parse(readFileSync(join(state, "secrets.json"), "utf8"));
  return { host: "localhost", port: row[4].split(":").pop(), user: "postgres", password: secrets["postgres-password"] };
}

function environment() {
  const { host, port, user, password } = server();
  return { ...process.env, PGHOST: host, PGPORT: port, PGUSER: user, PGPASSWORD: password, PGCONNECT_TIMEOUT: "10", PGOPTIONS: "-c client_min_messages=warning" };
}

/** Starts a PostgreSQL program; `ended` fails with its last words. Detached, a Ctrl-C at the terminal does not reach it. */
export function start(program, args, { detached = false } = {}) {
  const child = spawn(program, args, { env: environment(), stdio: ["pipe", "pipe", "pipe"], detached });
  let words = "";
  child.stderr.on("data", (data) => { words = (words + data).slice(-4000); });
  child.stdin.on("error", () => {}); // It ended early; its own words say why.
  child.ended = new Promise((done, fail) => {
    child.on("error", (error) => fail(new Refusal(`${program} cannot be started (${error.code}): install the PostgreSQL client programs.`)));
    child.on("close", (code) => code === 0 ? done() : fail(new Refusal(`${program} ended with ${code}: ${words.trim()}`)));
  });
  child.ended.catch(() => {});
  return child;
}

const psqlArgs = (database, variables) =>
  ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", ...Object.entries(variables).flatMap(([name, value]) => ["-v", `${name}=${value}`]), "-d", database];

/** Runs SQL and answers what it printed. :'name' in it stands for a variable. */
export async function sql(database, text, variables = {}, how = {}) {
  const psql = start("psql", psqlArgs(database, variables), how);
  let output = "";
  psql.stdout.on("data", (data) => { output += data; });
  psql.stdin.end(text);
  await psql.ended;
  return output.trim();
}

/** Copies a query's rows from one database into the table that `before` makes in another, and goes on there with `after`. */
export async function carry(from, query, to, { before, into, after, variables = {} }) {
  const source = start("psql", [...psqlArgs(from, variables), "-c", `COPY (${query}) TO STDOUT`]);
  const target = start("psql", psqlArgs(to, variables));
  let output = "";
  target.stdout.on("data", (data) => { output += data; });
  target.stdin.write(`${before}\nCOPY ${into} FROM STDIN;\n`);
  source.stdout.pipe(target.stdin, { end: false });
  target.on("close", () => source.stdout.resume()); // Ended early it reads no more, and the source would wait for it for ever.
  await source.ended.catch((error) => {
    target.kill(); // Without its last words the transaction is rolled back.
    throw error;
  });
  target.stdin.end(`\\.\n${after}\n`);
  await target.ended;
  return output.trim();
}

export const sqlFile = (...path) => readFileSync(join(root, ...path), "utf8");

/** The migrations this build knows, by file name. */
export function knownMigrations(service) {
  return [join(root, "ServiceDefaults/Database/Migrations"), join(root, "services", folderOf(service), "Migrations")]
    .flatMap((path) => existsSync(path) ? readdirSync(path).filter((file) => file.endsWith(".sql")) : []);
}

export async function sha256(file) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest("hex");
}

const replicasOf = (service) => rows().filter(([name]) => name === service || (name.startsWith(`${service}-`) && /^\d+$/.test(name.slice(service.length + 1))));

async function order(service, verb, hook) {
  if (hook) {
    const child = spawn("sh", ["-c", hook.replaceAll("{service}", service)], { stdio: "inherit" });
    const code = await new Promise((done) => child.on("close", done));
    if (code !== 0) throw new Refusal(`'${hook}' ended with ${code}.`);
    return;
  }
  const file = join(state, "control", `${service}.${verb}`);
  const failed = join(state, "control", `${service}.failed`);
  writeFileSync(file, "");
  for (const began = Date.now(); existsSync(file); await pause(100)) {
    if (Date.now() - began <= stoppedWithinMs) continue;
    rmSync(file, { force: true }); // Carried out later it would surprise.
    throw new Refusal(`The host did not ${verb} ${service} within ${stoppedWithinMs / 1000} s: is ./run up still running?`);
  }
  if (existsSync(failed)) {
    const reason = readFileSync(failed, "utf8");
    rmSync(failed);
    throw new Refusal(`The host cannot ${verb} ${service}: ${reason}`);
  }
}

export const stopService = (service, hook) => order(service, "stop", hook);
export const startService = (service, hook) => order(service, "start", hook);

export async function untilHealthy(service, hook) {
  if (hook) return; // Whoever starts it elsewhere sees there whether it is healthy.
  for (const began = Date.now(); ; await pause(200)) {
    const replicas = replicasOf(service);
    if (replicas.length > 0 && replicas.every(([, , health]) => health === "Healthy")) return;
    if (Date.now() - began > healthyWithinMs) throw new Refusal(`${service} is not healthy after ${healthyWithinMs / 1000} s: see ./run logs ${service}.`);
  }
}

/** Options of a command line: flags take no value. Everything else is a name. */
export function options(args, flags, values) {
  const found = { names: [] };
  for (let i = 0; i < args.length; i++) {
    const name = args[i].replace(/^--/, "");
    if (!args[i].startsWith("--")) found.names.push(args[i]);
    else if (flags.includes(name)) found[name] = true;
    else if (values.includes(name) && args[i + 1]) found[name] = args[++i];
    else throw new Refusal(values.includes(name) ? `${args[i]} needs a value.` : `Unknown option ${args[i]}.`);
  }
  const unknown = found.names.find((name) => !services.includes(name));
  if (unknown) throw new Refusal(`There is no service '${unknown}' with a database; there are: ${services.join(", ")}.`);
  return found;
}

export async function main(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  }
}
