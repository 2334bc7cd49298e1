// ./run audit: verifies an organisation's timeline of operations from outside. Nothing that the service says of itself is believed.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { beginning, hashOf, keysOf, openCheckpoint } from "./timeline.mjs";

const usage = `Verifies the whole timeline of an organisation's operations: its chain, its signed checkpoints, and what an earlier audit noted of it.

./run audit [--url URL] --api-key KEY | --token TOKEN [--keys FILE] [--notes FILE] [--within MINUTES]

  --url URL         the gateway (default: OPS_GATEWAY, what ./run up started, or http://localhost:8080)
  --api-key KEY     of an admin, with scope operations:read (or OPS_API_KEY)
  --token TOKEN     an admin's access token instead (or OPS_TOKEN)
  --keys FILE       the keys that may sign, a JWK set as GET /operations/audit/keys answers it, kept by the auditor;
                    without it the service's own word is taken for them, with a warning
  --notes FILE      what audits have seen, kept by this command: a timeline that was cut off or written anew since is found by it
                    (default: ~/.local/state/opsplatform/audit-notes.json)
  --within MINUTES  how old an entry may be that no checkpoint covers yet, before it is warned of (default 20)

Exit: 0 intact, 1 a fault, 2 could not check.`;

const answerWithinMs = 60_000;
const mostAttempts = 5;
const longestWaitSeconds = 30;
const progressEveryMs = 5_000;

class CannotCheck extends Error {}

const faults = [];
const warnings = [];
const fault = (where, what, why) => faults.push(`${where}: ${what}. ${why}`);
const count = (number) => number.toLocaleString("en-GB");

function settings() {
  let given;
  try {
    const text = { type: "string" };
    given = parseArgs({ options: { url: text, "api-key": text, token: text, keys: text, notes: text, within: text, help: { type: "boolean", short: "h" } } }).values;
  } catch (error) {
    throw new CannotCheck(`${error.message}\n\n${usage}`);
  }
  if (given.help) return null;
  const [key, token] = given.token ? [undefined, given.token] : [given["api-key"] ?? process.env.OPS_API_KEY, process.env.OPS_TOKEN];
  if (!key && !token) throw new CannotCheck("Give --api-key KEY of an admin with scope operations:read (POST /identity/api-keys makes one), or --token TOKEN.");
  const within = Number(given.within ?? 20);
  if (!(within > 0)) throw new CannotCheck(`--within is a number of minutes, not '${given.within}'.`);
  return {
    url: given.url ?? (process.env.OPS_GATEWAY || "http://localhost:8080"),
    authorization: key ? `ApiKey ${key}` : `Bearer ${token}`,
    keys: given.keys,
    notes: resolve(given.notes ?? join(process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state"), "opsplatform", "audit-notes.json")),
    within,
  };
}

function client({ url, authorization }) {
  return async function get(path) {
    for (let attempt = 1; ; attempt++) {
      let response, text;
      try {
        response = await fetch(new URL(path, url), { headers: { authorization }, redirect: "error", signal: AbortSignal.timeout(answerWithinMs) });
        text = await response.text();
      } catch (error) {
        throw new CannotCheck(`${url} does not answer (${error.cause?.message ?? error.message}). Is it the gateway, and is the system up?`);
      }
      if ([429, 502, 503].includes(response.status) && attempt < mostAttempts) {
        const wait = Math.min(Number(response.headers.get("retry-after")) || 1, longestWaitSeconds);
        await new Promise((done) => setTimeout(done, wait * 1000));
        continue;
      }
      let body = null;
      try {
        body = JSON.parse(text);
      } catch {
        // Told below by what the status is.
      }
      const said = `${response.status} ${body?.title ?? ""} ${body?.detail ?? ""}`.trim();
      if (response.status === 401) throw new CannotCheck(`The key or token is not taken (${said}). Give --api-key of a key that has not ended, or --token from POST /identity/login.`);
      if (response.status === 403) throw new CannotCheck(`The key or token may not audit (${said}). It takes an admin's, and a key takes the scope operations:read.`);
      if (!response.ok || body === null) throw new CannotCheck(`${path} answered ${said}.`);
      return body;
    }
  };
}

const readJson = (file, what) => {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new CannotCheck(`${file} cannot be read as ${what}: ${error.message}.`);
  }
};

function readNotes(file) {
  if (!existsSync(file)) return { format: 1, organisations: {} };
  const notes = readJson(file, "the notes of an earlier audit");
  if (notes.format !== 1 || typeof notes.organisations !== "object") throw new CannotCheck(`${file} holds no notes of an earlier audit: name another file with --notes.`);
  return notes;
}

function writeNotes(file, notes) {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, `${JSON.stringify(notes, null, 2)}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw new CannotCheck(`${file} cannot be written (${error.message}): nothing was noted for the next audit. Name another file with --notes.`);
  }
}

async function signingKeys(get, file) {
  if (!file) warnings.push("the keys are those that the service names itself: keep what GET /operations/audit/keys answers in a file, and give it with --keys");
  const set = file ? readJson(file, "a JWK set") : await get("/operations/audit/keys");
  try {
    return keysOf(set);
  } catch (error) {
    throw new CannotCheck(`${file ?? "/operations/audit/keys"} is no JWK set of P-256 keys: ${error.message}.`);
  }
}

/** The checkpoints that are good; the others are faults. */
async function checkpoints(get, org, keys, noted, isPinned) {
  const good = [];
  let [last, isThere] = [0, !noted?.checkpoint];
  for (let cursor = ""; cursor !== null;) {
    const page = await get(`/operations/audit/checkpoints?limit=200${cursor && `&cursor=${cursor}`}`);
    for (const kept of page.items) {
      if (!(kept.position > last)) throw new CannotCheck("The checkpoints were not answered in their order: is it the gateway of this platform?");
      last = kept.position;
      const says = openCheckpoint(kept, org, keys);
      const isReplaced = !isPinned && noted?.checkpoint && kept.position <= noted.checkpoint.position && !noted.keys.includes(says.kid);
      isThere ||= kept.position === noted.checkpoint.position;
      if (says.fault) fault(`checkpoint ${kept.position}`, "forged checkpoint", `${upper(says.fault)}.${says.kid ? " If the key was changed, compare it with whoever holds it and add it to the file of --keys." : ""}`);
      else if (isReplaced) fault(`checkpoint ${kept.position}`, "forged checkpoint", `It is signed with key ${says.kid}, which had signed nothing when position ${noted.checkpoint.position} was noted.`);
      else good.push(says);
    }
    cursor = page.nextCursor;
  }
  if (!isThere) fault(`checkpoint ${noted.checkpoint.position}`, "missing checkpoint", `An audit at ${noted.auditedAt} saw it.`);
  return good;
}

const upper = (text) => text[0].toUpperCase() + text.slice(1);

function progress() {
  const began = Date.now();
  let told = began;
  return (done, all) => {
    if (Date.now() - told < progressEveryMs) return;
    told = Date.now();
    console.error(`  ${count(done)} of ${count(all)} entries, ${count(Math.round(done / ((told - began) / 1000)))} a second`);
  };
}

/** Goes along the whole chain. `marks`: by position, what must be there, {position, hash, who}. Answers the last entry that is good, and when the first entry behind `covered` was. */
async function walk(get, org, marks, covered) {
  const tell = progress();
  let [last, hash, sure, since, head] = [0, beginning, 0, null, null];
  let isRewritten = false;
  do {
    const page = await get(`/operations/audit/entries?after=${last}`);
    if (page.organisationId !== org || !Array.isArray(page.items)) throw new CannotCheck("What was answered are not this organisation's entries: is it the gateway of this platform?");
    head = page.head;
    for (const entry of page.items) {
      const next = last + 1;
      if (entry.position !== next || hashOf(org, hash, next, entry) !== entry.hash) {
        await nameFault(get, org, hash, next, entry);
        console.log(`Nothing behind entry ${last} could be checked.`);
        return { last, hash, since };
      }
      [last, hash] = [next, entry.hash];
      if (last === covered + 1) since = entry.at;
      const wrong = marks.get(last)?.find((mark) => mark.hash !== hash);
      if (wrong && !isRewritten) fault(`entries ${sure + 1} to ${last}`, "rewritten", `The chain is whole in itself, but its entry ${last} is not the one that ${wrong.who}.`);
      isRewritten ||= wrong !== undefined;
      if (marks.has(last) && !wrong) sure = last;
    }
    tell(last, head.position);
    if (page.items.length === 0) break;
  } while (last !== head.position);
  const behind = marks.get([...marks.keys()].reduce((one, other) => Math.max(one, other), 0))?.[0];
  if (last < head.position) fault(`entries ${last + 1} to ${head.position}`, "missing", "The service's own head counts them, and they are not there.");
  else if (head.hash !== hash) fault(`entry ${last}`, "edited", "It is not the one that the service has as its head.");
  else if (behind?.position > last) fault(`entries ${last + 1} to ${behind.position}`, "truncated", `They are there no more: entry ${behind.position} is one that ${behind.who}.`);
  return { last, hash, since };
}

/** The entry that should stand at `position` may be somewhere behind. */
async function nameFault(get, org, before, position, found) {
  for (let after = position - 1; ;) {
    const { items } = await get(`/operations/audit/entries?after=${after}`);
    const elsewhere = items.find((entry) => hashOf(org, before, position, entry) === entry.hash);
    if (elsewhere) return fault(`entry ${position}`, "reordered", `The one that belongs there stands at ${elsewhere.position}.`);
    if (!(items.at(-1)?.position > after)) break;
    after = items.at(-1).position;
  }
  if (found.position === position) fault(`entry ${position}`, "edited", "Its hash is not that of what it says after the entry before.");
  else fault(`entries ${position} to ${found.position - 1}`, "missing", `After entry ${position - 1} comes entry ${found.position}.`);
}

async function audit(options) {
  const get = client(options);
  const notes = readNotes(options.notes);
  const org = (await get("/operations/audit/entries?limit=1")).organisationId;
  const noted = notes.organisations[org];
  const keys = await signingKeys(get, options.keys);
  // Before the entries: what is signed meanwhile is about entries that are read afterwards.
  const signed = await checkpoints(get, org, keys, noted, options.keys !== undefined);
  const newest = signed.at(-1);
  const marks = new Map();
  const mark = ({ position, hash }, who) => marks.set(position, [...marks.get(position) ?? [], { position, hash, who }]);
  for (const one of signed) mark(one, `key ${one.kid} signed`);
  for (const one of [noted?.head, noted?.checkpoint].filter((seen) => seen?.position > 0)) mark(one, `an earlier audit saw at ${noted.auditedAt}`);
  const { last, hash, since } = await walk(get, org, marks, newest?.position ?? 0);

  if (since && Date.now() - Date.parse(since) > options.within * 60_000) {
    warnings.push(`no checkpoint covers what happened since entry ${(newest?.position ?? 0) + 1} of ${since}: does the service still sign? Its /health says whether it has a key, its log why not`);
  }
  for (const kid of new Set(signed.map((one) => one.kid).filter((kid) => noted && !options.keys && !noted.keys.includes(kid)))) {
    warnings.push(`key ${kid} has signed nothing that earlier audits saw: compare it with whoever holds it`);
  }

  console.log(`Organisation ${org} at ${options.url}: ${count(last)} entries, the last of hash ${hash}.`);
  console.log(newest ? `Good checkpoints: ${count(signed.length)}, the latest of position ${newest.position} and ${newest.at} by key ${newest.kid}.` : "Good checkpoints: none.");
  console.log(noted ? `Compared with what an audit at ${noted.auditedAt} noted in ${options.notes}.` : `Nothing was noted of it before in ${options.notes}.`);
  for (const warning of warnings) console.log(`warning: ${warning}.`);
  for (const one of faults) console.log(`FAULT ${one}`);
  if (faults.length > 0) {
    console.log(`NOT INTACT: ${faults.length === 1 ? "one fault" : `${faults.length} faults`}. Nothing was noted.`);
    process.exitCode = 1;
    return;
  }
  notes.organisations[org] = {
    head: { position: last, hash },
    checkpoint: newest && { position: newest.position, hash: newest.hash, at: newest.at },
    keys: [...new Set([...(noted?.keys ?? []), ...signed.map((one) => one.kid)])],
    auditedAt: new Date().toISOString(),
  };
  writeNotes(options.notes, notes);
  console.log("INTACT.");
}

try {
  const options = settings();
  if (options) await audit(options);
  else console.log(usage);
} catch (error) {
  console.error(`error: ${error instanceof CannotCheck ? error.message : error.stack}`);
  process.exitCode = 2;
}
