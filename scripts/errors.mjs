// ./run errors: lists, shows and retries what the services could not send or apply.
import { readFileSync } from "node:fs";

const services = ["identity", "inventory", "orders", "sync", "analytics", "registry"];
const gateway = process.env.OPS_GATEWAY;
const operatorKey = process.env.OPS_OPERATOR_KEY ?? JSON.parse(readFileSync(process.env.OPS_SECRETS, "utf8"))["operator-key"];
const [verb, service, id] = process.argv.slice(2);

async function call(path, method = "GET") {
  const response = await fetch(new URL(path, gateway), { method, headers: { "X-Operator-Key": operatorKey } });
  const text = await response.text();
  const body = text ? JSON.parse(text) : null;
  if (!response.ok) throw new Error(`${path}: ${body?.title ?? response.status} ${body?.detail ?? ""}`);
  return body;
}

async function list() {
  let found = 0;
  for (const name of services) {
    let items;
    try {
      ({ items } = await call(`/${name}/errors`));
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
    await call(`/${service}/errors/${id}/retry`, "POST");
    console.log("It is tried again; see ./run errors list.");
  },
};

if (!verbs[verb] || (verb !== "list" && (!services.includes(service) || !id))) {
  console.error(`usage: ./run errors list | show SERVICE ID | retry SERVICE ID   (SERVICE is one of ${services.join(", ")})`);
  process.exitCode = 2;
} else {
  await verbs[verb]().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
