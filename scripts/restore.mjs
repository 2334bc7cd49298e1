// ./run restore: one service's database from a backup, and what brings the rest of the system into step with it again.
import { existsSync, readFileSync, readdirSync, statSync, statfsSync } from "node:fs";
import { join, resolve } from "node:path";
import { knownMigrations, main, options, pause, Refusal, say, seconds, services, sha256, sql, start, startService, stopService, untilHealthy } from "./platform.mjs";
import { mend, rejoin, releaseStock } from "./rejoin.mjs";

const oldName = (service) => `${service}_before_restore`;
const freshName = (service) => `${service}_restoring`;

function newestBackupOf(service) {
  const folder = join(process.env.OPS_STATE ?? ".", "backups");
  const found = existsSync(folder) ? readdirSync(folder).sort().reverse().find((name) => existsSync(join(folder, name, `${service}.json`))) : null;
  if (!found) throw new Refusal(`There is no backup of ${service} in ${folder}: name its folder with --from.`);
  return join(folder, found);
}

/** Reads the manifest and refuses what cannot or must not be restored. */
async function check(service, folder) {
  const file = join(folder, `${service}.json`);
  if (!existsSync(file)) throw new Refusal(`${folder} holds no backup of ${service}: ${service}.json is missing.`);
  let manifest;
  try {
    manifest = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Refusal(`${file} cannot be read: ${error.message}`);
  }
  if (manifest.format !== 1) throw new Refusal(`${file} is of format ${manifest.format}; this build reads format 1.`);
  // It goes into statements.
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(manifest.takenAt)) throw new Refusal(`${file} does not say when the backup was taken: takenAt is '${manifest.takenAt}'.`);
  if (manifest.service !== service) throw new Refusal(`${file} describes a backup of ${manifest.service}, not of ${service}.`);
  const dump = join(folder, `${service}.dump`);
  if (!existsSync(dump)) throw new Refusal(`${dump} is missing.`);
  if (statSync(dump).size !== manifest.fileBytes) throw new Refusal(`${dump} has ${statSync(dump).size} bytes, its manifest says ${manifest.fileBytes}: it was cut or changed.`);
  const hash = await sha256(dump);
  if (hash !== manifest.sha256) throw new Refusal(`${dump} is not what was backed up: its SHA-256 is ${hash}, the manifest says ${manifest.sha256}.`);
  const known = knownMigrations(service);
  const newer = manifest.schema.map(({ name }) => name).filter((name) => !known.some((mine) => name === mine || name.endsWith(`.${mine}`)));
  if (newer.length > 0) throw new Refusal(`The backup is of a newer schema than this build of ${service} knows (${newer.join(", ")}): restore it with the build that made it, or a later one.`);
  return { ...manifest, dump, folder };
}

async function checkDisk(manifest) {
  const folder = await sql("postgres", "SHOW data_directory;");
  const free = process.env.OPS_FREE_BYTES ?? (existsSync(folder) ? statfsSync(folder).bavail * statfsSync(folder).bsize : Infinity);
  const needed = Math.ceil(manifest.databaseBytes * 1.2);
  if (Number(free) < needed) throw new Refusal(`The disk of PostgreSQL has ${free} bytes free and the restored database needs about ${needed}: make room, for example with --discard-old.`);
}

const exists = async (database) => await sql("postgres", "SELECT 1 FROM pg_database WHERE datname = :'name';", { name: database }) === "1";

/** Into a database of its own, while the service goes on with the one it has. */
async function load(service, manifest) {
  const began = Date.now();
  const fresh = freshName(service);
  for (const role of ["owner", "app", "relay", "digest"]) {
    // On a fresh server; the service gives it its password and rights at its next start.
    if (await sql("postgres", "SELECT 1 FROM pg_roles WHERE rolname = :'name';", { name: `${service}_${role}` }) !== "1") {
      await sql("postgres", 'CREATE ROLE :"name";', { name: `${service}_${role}` });
    }
  }
  await sql("postgres", 'DROP DATABASE IF EXISTS :"fresh"; CREATE DATABASE :"fresh" OWNER :"owner";', { fresh, owner: `${service}_owner` });
  const pgRestore = start("pg_restore", ["--exit-on-error", "--no-password", "--dbname", fresh, manifest.dump]);
  pgRestore.stdin.end();
  pgRestore.stdout.resume();
  await pgRestore.ended;
  say(`  loaded into ${fresh} in ${seconds(began)}`);
}

/** The service's database and the restored one change places, both or neither. */
async function swap(service, hadOne) {
  const names = { service, old: oldName(service), fresh: freshName(service) };
  for (let attempt = 1; ; attempt++) {
    try {
      await sql("postgres", `
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:'service', :'fresh') AND pid <> pg_backend_pid() \\g /dev/null
        BEGIN;
        ${hadOne ? 'ALTER DATABASE :"service" RENAME TO :"old";' : ""}
        ALTER DATABASE :"fresh" RENAME TO :"service";
        COMMIT;`, names, { detached: true });
      return;
    } catch (error) {
      if (!await exists(names.fresh)) return; // Only the answer to the commit was lost.
      // A background worker of the server may look in at the wrong moment.
      if (attempt === 20) throw error;
      await pause(250);
    }
  }
}

/** From here to its release Ctrl-C and a request to end are only noted: half-way through, a service would be left stopped. */
function holdSignals() {
  let came = null;
  const note = (signal) => { came = signal; };
  const kinds = ["SIGINT", "SIGTERM"];
  for (const kind of kinds) process.on(kind, note);
  return {
    stopIfAsked: (where) => { if (came) throw new Refusal(`${came} came ${where}.`); },
    release: () => { for (const kind of kinds) process.off(kind, note); },
  };
}

async function restore(service, given) {
  const manifest = await check(service, resolve(given.from ?? newestBackupOf(service)));
  if (await exists(oldName(service))) {
    throw new Refusal(`${oldName(service)} is still kept from the last restore: look at it, then drop it with ./run restore ${service} --discard-old.`);
  }
  await checkDisk(manifest);
  const began = Date.now();
  say(`Restoring ${service} as of ${manifest.takenAt} from ${manifest.folder}`);
  await load(service, manifest);

  const stopped = Date.now();
  const hadOne = await exists(service);
  const signals = holdSignals();
  try {
    await stopService(service, given.stop);
    say(`  ${service} is stopped`);
    signals.stopIfAsked("before the databases were exchanged");
    await rejoin(service, freshName(service), manifest, hadOne);
    signals.stopIfAsked("before the databases were exchanged");
    await swap(service, hadOne);
  } catch (error) {
    say("  it failed: the service goes on with the database it had");
    throw error;
  } finally {
    await startService(service, given.start);
    signals.release();
  }
  signals.stopIfAsked(`after the databases were exchanged: bring the rest into step with ./run restore ${service} --repair --from ${manifest.folder}`);
  await untilHealthy(service, given.start);
  say(`  ${service} is healthy again; it was away for ${seconds(stopped)}`);
  await mend(service, manifest);
  say(`Restored ${service} in ${seconds(began)}.`);
  if (hadOne) say(`The database as it was is kept as ${oldName(service)}; drop it with ./run restore ${service} --discard-old.`);
}

await main(async () => {
  const given = options(process.argv.slice(2), ["discard-old", "repair", "release"], ["from", "stop", "start"]);
  const [service, ...more] = given.names;
  if (!service || more.length > 0) throw new Refusal(`Name one service; there are: ${services.join(", ")}.`);
  if (given["discard-old"]) {
    if (!await exists(oldName(service))) throw new Refusal(`There is no ${oldName(service)} to drop.`);
    await sql("postgres", 'DROP DATABASE :"name" WITH (FORCE);', { name: oldName(service) });
    say(`${oldName(service)} is dropped.`);
  } else if (given.repair) {
    await mend(service, await check(service, resolve(given.from ?? newestBackupOf(service))));
  } else if (given.release) {
    await releaseStock(service, await check(service, resolve(given.from ?? newestBackupOf(service))));
  } else {
    await restore(service, given);
  }
});
