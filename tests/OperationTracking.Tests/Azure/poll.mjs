// Posts an operation and follows it as clients of Azure services do, with their own client and poller. Prints a line of JSON for each thing that
// happens: {id}, then {status} for each poll, and at last {result} or {error}.
// Environment: SERVICE (address), TOKEN, OPERATION (body of POST /operations), CANCEL=1 to cancel it by the same client, BASE=1 to have the poller resolve addresses.

import { getClient } from "@azure-rest/core-client";
import { createHttpPoller } from "@azure/core-lro";

const { SERVICE, TOKEN, OPERATION, CANCEL, BASE } = process.env;
const client = getClient(SERVICE, { allowInsecureConnection: true });
const headers = { authorization: `Bearer ${TOKEN}` };
const say = (line) => console.log(JSON.stringify(line));

// As the clients that Azure generates hand their answers to the poller.
const forPoller = (answer) => ({ flatResponse: answer, rawResponse: { ...answer, statusCode: Number.parseInt(answer.status), body: answer.body } });

const poller = createHttpPoller({
  sendInitialRequest: async () => {
    const posted = await client.pathUnchecked("/operations").post({ headers, body: JSON.parse(OPERATION) });
    say({ id: posted.body.operationId });
    if (CANCEL) {
      await client.pathUnchecked(`/operations/${posted.body.operationId}/cancel`).post({ headers, body: { reason: "Enough." } });
    }
    return forPoller(posted);
  },
  sendPollRequest: async (path) => {
    const polled = await client.pathUnchecked(path).get({ headers });
    return forPoller(polled);
  },
}, { resourceLocationConfig: "location", intervalInMs: 50, ...(BASE ? { baseUrl: SERVICE } : {}) });

poller.onProgress((state) => say({ status: state.status }));
try {
  const last = await poller.pollUntilDone();
  say({ result: last.body });
} catch (fault) {
  say({ error: { name: fault.name, message: fault.message, status: poller.operationState?.status } });
}
