// After one service was set back in time: what the others know of the time since, told to it, and what it must tell them again.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { carry, folderOf, pause, Refusal, root, say, services, sql, sqlFile } from "./platform.mjs";

const feedWithinMs = 60_000;
const decisionsWithinMs = 60_000;

/** A transaction may have captured a change well before it committed; none takes a day. */
const saidSince = (service) => `
  SELECT seq, id, org_id, event_type, category, priority, entity_type, entity_id, row_version, operation, data, changed, metadata, captured_at
  FROM feed WHERE service = '${service}' AND captured_at >= :'taken_at'::timestamptz - interval '1 day'`;

/** Clocks of two services may differ, and an answer takes its time. */
const since = (manifest) => new Date(Date.parse(manifest.takenAt) - 3_600_000).toISOString();

const own = (service, file) => {
  const path = ["services", folderOf(service), "Restore", file];
  return existsSync(join(root, ...path)) ? sqlFile(...path) : "";
};

/** Between loading and starting: works on the fresh database, with the service stopped. */
export async function rejoin(service, fresh, manifest, hadOne) {
  const variables = { taken_at: manifest.takenAt, service, owner: `${service}_owner` };
  await sql(fresh, sqlFile("scripts/restore/weeks.sql"), variables);
  if (service === "sync") {
    await moveOn(fresh, variables);
    return;
  }
  if (hadOne) await untilTheFeedHasAll(service, manifest);
  const answer = await carry("sync", saidSince(service).replaceAll(":'taken_at'", `'${manifest.takenAt}'`), fresh, {
    before: sqlFile("scripts/restore/said.sql"),
    into: "said",
    after: sqlFile("scripts/restore/take-back.sql") + own(service, "restored.sql") + "COMMIT;",
    variables,
  });
  const [counts, ...lines] = answer.split("\n").filter(Boolean);
  const { changes, created, changed, deleted } = JSON.parse(counts);
  say(`  the feed held ${changes} changes from after the backup; taken back: ${created} created, ${changed} changed, ${deleted} deleted`);
  if (lines.length > 0) say(`  what they were is listed in ${report(service, "taken-back", lines)}`);
  if (service === "orders") await compareWithDecisions(fresh, manifest);
}

/** Once it is healthy. May be run again. */
export async function mend(service, manifest) {
  if (service === "sync") await sendAgain(manifest);
  if (service === "inventory") await decideAgain(manifest);
  if (service === "identity") say("  everybody has to log in again; API keys revoked and members removed since the backup must be removed again");
  if (service === "operations") say("  operations started since the backup are unknown until they end, those that ended since show as they were then; a timeline's head noted since is found missing");
  if (service === "analytics") say("  every organisation is counted anew; until then it shows what it had: see GET /analytics/rebuilds");
}

function report(service, what, lines) {
  const folder = join(process.env.OPS_STATE ?? ".", "restores");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${service}-${what}-${new Date().toISOString().replace(/[:.]/g, "-")}.jsonl`);
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  return file;
}

async function untilTheFeedHasAll(service, manifest) {
  const variables = { taken_at: manifest.takenAt, service };
  const sent = Number(await sql(service, "SELECT count(*) FROM sync_events WHERE sync_status = 'processed' AND created_at >= :'taken_at';", variables));
  for (const began = Date.now(); ; await pause(300)) {
    const there = Number(await sql("sync", "SELECT count(*) FROM feed WHERE service = :'service' AND captured_at >= :'taken_at';", variables));
    if (there >= sent) return;
    if (Date.now() - began > feedWithinMs) throw new Refusal(`Sync has appended ${there} of the ${sent} changes that ${service} sent since the backup and does not go on: see ./run logs sync and ./run errors list, then try again.`);
  }
}

// ---- sync ---------------------------------------------------------------------

/** Positions go on where none was ever given out, so that every reader is told to begin again. */
async function moveOn(fresh, variables) {
  for (const source of services.filter((name) => name !== "sync")) {
    await carry(source, "SELECT DISTINCT org_id FROM sync_events", fresh, {
      before: "CREATE TEMP TABLE known (org_id uuid);", into: "known",
      after: "INSERT INTO feed_heads (org_id) SELECT org_id FROM known ON CONFLICT DO NOTHING;", variables,
    });
  }
  const first = await sql(fresh, sqlFile("scripts/restore/move-on.sql"), variables);
  say(`  feeds go on at position ${first}: every reader gets a reset`);
}

/** What the sources sent since is sent again; the feed passes over what it has. */
async function sendAgain(manifest) {
  // Behind at the time of the backup, Sync lacks older ones too: its newest entry of the laziest queue says from when.
  const behind = await sql("sync", sqlFile("scripts/restore/behind.sql"), { taken_at: manifest.takenAt });
  const from = Object.fromEntries(behind.split("\n").filter(Boolean).map((line) => line.split("|")));
  let sum = 0;
  for (const service of services.filter((name) => name !== "sync")) {
    const again = Number(await sql(service, sqlFile("scripts/restore/send-again.sql"), { from: from[service] ?? "-infinity" }));
    if (again > 0) say(`  ${service} sends ${again} changes again`);
    sum += again;
  }
  for (let last = -1, began = Date.now(); ;) {
    const left = (await Promise.all(services.map((service) => sql(service, "SELECT count(*) FROM sync_events WHERE sync_status = 'pending';")))).reduce((all, count) => all + Number(count), 0);
    if (left === 0) break;
    if (left !== last) [last, began] = [left, Date.now()];
    if (Date.now() - began > feedWithinMs) throw new Refusal(`${left} changes are still to be sent and nothing moves: see ./run errors list.`);
    await pause(300);
  }
  say(`  ${sum} changes were sent again`);
}

// ---- inventory ------------------------------------------------------------------

const ordersSince = `
  SELECT org_id, id, CASE WHEN status = 'cancelled' THEN 'cancelled' ELSE 'consumed' END
  FROM orders WHERE needs_stock AND asked_id IS NOT NULL AND status IN ('confirmed', 'completed', 'cancelled')
    AND greatest(confirmed_at, cancelled_at, completed_at) >= `;

/** Orders that stand, but that Inventory no longer knows, are decided again: their stock is consumed. */
async function decideAgain(manifest) {
  const compare = async (after) => carry("orders", `${ordersSince}'${since(manifest)}'`, "inventory", {
    before: "BEGIN; CREATE TEMP TABLE wanted (org_id uuid, order_id uuid, wants text) ON COMMIT DROP;", into: "wanted", after: `${after}\nCOMMIT;`,
  });
  const toAsk = await compare(own("inventory", "undecided.sql"));
  const count = toAsk.split("\n").filter(Boolean).length;
  if (count > 0) {
    await sql("orders", `BEGIN; CREATE TEMP TABLE ask (org_id uuid, order_id uuid, wants text) ON COMMIT DROP;\nCOPY ask FROM STDIN;\n${toAsk}\n\\.\n${own("orders", "ask-inventory-again.sql")}\nCOMMIT;`);
    say(`  Orders asks Inventory again about ${count} orders it decided after the backup`);
  }
  let [left, refused] = [[], []];
  for (let last = -1, began = Date.now(); ; await pause(500)) {
    const open = (await compare(own("inventory", "unsettled.sql"))).split("\n").filter(Boolean);
    refused = open.filter((line) => line.includes('"refused"'));
    left = open.filter((line) => !line.includes('"refused"'));
    if (left.length === 0) break;
    if (left.length !== last) [last, began] = [left.length, Date.now()];
    if (Date.now() - began > decisionsWithinMs) break;
  }
  if (refused.length + left.length === 0) {
    say("  every order that stands has its stock consumed, every cancelled one holds none");
    return;
  }
  say(`  ATTENTION: of the orders that stand, Inventory refused ${refused.length} and left ${left.length} undecided: ${report("inventory", "not-consumed", [...refused, ...left])}`);
  say("  Enter the deliveries and recipes lost since the backup, then run ./run restore inventory --repair: they are decided anew.");
}

// ---- orders -----------------------------------------------------------------------

const decisionsSince = "SELECT org_id, order_id, state, decided_at FROM stock_decisions WHERE state IN ('consumed', 'restored') AND decided_at >= ";

async function compareWithDecisions(database, manifest) {
  const answer = await carry("inventory", `${decisionsSince}'${since(manifest)}'`, database, {
    before: "BEGIN; CREATE TEMP TABLE decided (org_id uuid, order_id uuid, state text, decided_at timestamptz) ON COMMIT DROP;", into: "decided",
    after: `${own("orders", "compare-with-decisions.sql")}\nCOMMIT;`,
  });
  const [counts, ...missing] = answer.split("\n").filter(Boolean);
  const { confirming, cancelling } = JSON.parse(counts);
  say(`  ${confirming} orders are confirmed again and ${cancelling} cancelled again by what Inventory decided`);
  if (missing.length === 0) return;
  say(`  ATTENTION: Inventory holds stock for ${missing.length} orders that are gone: ${report("orders", "gone", missing)}`);
  say("  Have the tills and shops send them again under their ids: they are confirmed without consuming twice.");
  say("  Give back the stock of those that will not come with ./run restore orders --release.");
}

/** Tells Inventory that the orders that are gone are cancelled. */
export async function releaseStock(service, manifest) {
  if (service !== "orders") throw new Refusal("--release is for orders: it gives back the stock of orders that are gone.");
  const released = await carry("inventory", `${decisionsSince}'${since(manifest)}'`, "orders", {
    before: "BEGIN; CREATE TEMP TABLE decided (org_id uuid, order_id uuid, state text, decided_at timestamptz) ON COMMIT DROP;", into: "decided",
    after: `${own("orders", "release.sql")}\nCOMMIT;`,
  });
  say(`Inventory is told to give back the stock of ${released} orders that are gone.`);
}
