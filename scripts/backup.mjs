// ./run backup: a consistent dump of each service's database, with what restoring it needs to know.
import { chmodSync, copyFileSync, createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync, statfsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream/promises";
import { main, options, Refusal, say, seconds, services, sha256, start } from "./platform.mjs";

const manifestFormat = 1;

// now() is when the transaction began, so nothing committed before it is missing from the snapshot.
const describe = `
  SELECT jsonb_build_object(
    'takenAt', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'postgres', current_setting('server_version'),
    'databaseBytes', pg_database_size(current_database()),
    'schema', (SELECT jsonb_agg(jsonb_build_object('name', name, 'sha256', sha256) ORDER BY name) FROM schema_migrations),
    'changes', (SELECT jsonb_build_object('lastSeq', (SELECT last_value FROM sync_events_seq), 'kept', count(*), 'unsent', count(*) FILTER (WHERE sync_status <> 'processed')) FROM sync_events),
    'unsentMessages', (SELECT count(*) FROM outbox),
    'parkedMessages', (SELECT count(*) FROM parked_messages));`;

const describeFeed = `
  SELECT jsonb_build_object(
    'organisations', (SELECT count(*) FROM feed_heads), 'highestPosition', (SELECT coalesce(max(position), 0) FROM feed_heads),
    'services', (SELECT jsonb_agg(x) FROM (SELECT service, count(*) AS entries, max(captured_at) AS newest FROM feed GROUP BY service ORDER BY service) x));`;

/** Secrets that the service needs besides its database; a backup holds none of them unless --with-secrets. */
const secretsOf = (service) => [
  `${service}-secret (who the service is, to registry and identity)`,
  ...(service === "identity" ? ["key-encryption-key (opens the signing keys: without the one they were sealed with nobody is let in)"] : []),
  ...(service === "operations" ? ["audit-signing-key (signs checkpoints: under another one, give the public part of the one that signed as Audit__FormerKeys)"] : []),
  "operator-key (opens the operator's endpoints)",
  "postgres-password (the roles' passwords derive from it and are set anew at each start: any will do)",
];

/** A psql session that holds one snapshot open while pg_dump uses it. */
async function snapshot(database) {
  const psql = start("psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]);
  const lines = createInterface({ input: psql.stdout })[Symbol.asyncIterator]();
  const ask = async (text) => {
    psql.stdin.write(`${text}\n`);
    const { value, done } = await lines.next();
    if (done) await psql.ended;
    return value;
  };
  const id = await ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot();");
  return { id, ask, close: async () => { psql.stdin.end("COMMIT;\n"); await psql.ended; } };
}

async function backup(service, folder) {
  const began = Date.now();
  const dump = join(folder, `${service}.dump`);
  const held = await snapshot(service);
  let facts, feed;
  try {
    facts = JSON.parse(await held.ask(describe));
    feed = service === "sync" ? JSON.parse(await held.ask(describeFeed)) : undefined;
    const free = Number(process.env.OPS_FREE_BYTES ?? statfsSync(folder).bavail * statfsSync(folder).bsize);
    if (free < facts.databaseBytes) {
      throw new Refusal(`${folder} has ${mib(free)} MiB free and ${service}'s database has ${mib(facts.databaseBytes)} MiB: choose another folder with --to.`);
    }
    const pgDump = start("pg_dump", ["--format=custom", "--no-password", `--snapshot=${held.id}`, "--dbname", service]);
    await Promise.all([pipeline(pgDump.stdout, createWriteStream(`${dump}.partial`, { mode: 0o600 })), pgDump.ended]);
  } finally {
    await held.close();
  }
  renameSync(`${dump}.partial`, dump);
  // The manifest comes last: a dump without one was interrupted.
  const manifest = {
    format: manifestFormat, service, ...facts, feed, file: `${service}.dump`, fileBytes: statSync(dump).size, sha256: await sha256(dump),
    seconds: (Date.now() - began) / 1000, secrets: secretsOf(service),
  };
  writeFileSync(join(folder, `${service}.json`), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  say(`  ${service.padEnd(10)} ${mib(facts.databaseBytes).padStart(8)} MiB -> ${mib(manifest.fileBytes).padStart(7)} MiB in ${seconds(began)}, as of ${facts.takenAt}`);
}

const mib = (bytes) => (bytes / 1024 / 1024).toFixed(1);

await main(async () => {
  const given = options(process.argv.slice(2), ["with-secrets"], ["to"]);
  const folder = resolve(given.to ?? join(process.env.OPS_STATE ?? ".", "backups", new Date().toISOString().replace(/[:.]/g, "-")));
  const wanted = given.names.length > 0 ? [...new Set(given.names)] : services;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const taken = wanted.find((service) => existsSync(join(folder, `${service}.json`)));
  if (taken) throw new Refusal(`${folder} holds a backup of ${taken} already: choose another folder with --to.`);
  say(`Backing up to ${folder}`);
  for (const service of wanted) {
    try {
      await backup(service, folder);
    } finally {
      rmSync(join(folder, `${service}.dump.partial`), { force: true }); // Nothing to do once it has its name.
    }
  }
  if (given["with-secrets"]) {
    copyFileSync(join(process.env.OPS_STATE ?? ".", "secrets.json"), join(folder, "secrets.json"));
    chmodSync(join(folder, "secrets.json"), 0o600);
    say("  secrets.json was copied in clear, as asked.");
  }
  say("The dumps hold personal data and password hashes in clear, and identity's signing keys too where no key-encryption-key seals them: keep them where only operators read.");
});
