// ./run errors: lists, shows and retries what the services could not send or apply.
import { readFileSync } from "node:fs";
import { services } from "./platform.mjs";

const gateway = process.env.OPS_GATEWAY;
const operatorKey = process.env.OPS_OPERATOR_KEY ?? JSON.parse(readFileSync(process.env.OPS_SECRETS, "utf8"))["operator-key"];
const [verb, service, id] = process.argv.slice(2);

async function call(path, method = "GET") {
  const response = await fetch(new URL(path, gateway), { method, headers: { "X-Operator-Key": operatorKey } });
  const text = await response.text();
  const body = text ? JSON.parse(text) : null;
  if (response.status === 404 && id) throw new Error(`${service} has no error ${id}: ./run errors list names what there is.`);
  if (!response.ok) throw new Error(`${path}: ${body?.title ?? response.status} ${body?.detail ?? ""}`);
  return body;
}

async function list() {
  let found = 0;
  for (const name of services) {
    const items = [];
    try {
      for (let cursor = ""; cursor !== null; ) {
        const page = await call(`/${name}/errors?limit=200${cursor && `&cursor=${cursor}`}`);
        items.push(...page.items);
        cursor = page.nextCursor;
      }
    } catch (error) {
      console.log(`${name.padEnd(10)} did not answer: ${error.message}`);
      process.exitCode = 1;
      continue;
    }
    for (const item of items) {
      found++;
      console.log(`${name.padEnd(10)} ${item.id} ${item.kind.padEnd(8)} ${item.name.padEnd(28)} tries ${item.attempts}  ${item.createdAt}  ${item.error}`);
    }
  }
  if (!found && !process.exitCode) console.log("No errors.");
}

const verbs = {
  list,
  show: async () => console.log(JSON.stringify(await call(`/${service}/errors/${id}`), null, 2)),
  retry: async () => {
    if (id === "all") {
      const sum = { outbox: 0, changes: 0, messages: 0 };
      // What fails again at once must not keep this going: it ends when no request leaves less than the one before.
      for (let before = Infinity; ; ) {
        const retried = await call(`/${service}/errors/retry`, "POST");
        for (const kind of Object.keys(sum)) sum[kind] += retried[kind];
        if (retried.left === 0 || retried.left >= before) break;
        before = retried.left;
      }
      console.log(`${sum.outbox} from the outbox, ${sum.changes} changes and ${sum.messages} messages are tried again; see ./run errors list.`);
      return;
    }
    await call(`/${service}/errors/${id}/retry`, "POST");
    console.log("It is tried again; see ./run errors list.");
  },
};

if (!verbs[verb] || (verb !== "list" && (!services.includes(service) || !id))) {
  console.error(`usage: ./run errors list | show SERVICE ID | retry SERVICE ID|all   (SERVICE is one of ${services.join(", ")})`);
  process.exitCode = 2;
} else {
  await verbs[verb]().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
