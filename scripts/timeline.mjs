// The arithmetic of a timeline's audit: the canonical form and the checkpoints, as services/OperationTracking/README.md tells them.
import { createHash, createPublicKey, verify } from "node:crypto";

export const beginning = "0".repeat(64);

const value = (text) => text === null || text === undefined ? "-," : `${Buffer.byteLength(text)}:${text},`;

/** Microseconds since 1970 of an ISO time, in decimal; a Date holds only milliseconds. */
function microseconds(at) {
  const [, second, fraction = "", zone] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(at) ?? [];
  return second ? String(BigInt(Date.parse(second + zone)) * 1000n + BigInt(fraction.padEnd(6, "0").slice(0, 6))) : `no time: ${at}`;
}

/** The hash of an entry that is taken to stand at `position`, after the entry of hash `before`, in hex. */
export function hashOf(org, before, position, entry) {
  const form = [org, String(position), entry.operationId, microseconds(entry.at), entry.event, entry.actor, entry.reason, entry.correlationId, entry.details].map(value).join("");
  return createHash("sha256").update(Buffer.from(before, "hex")).update(form).digest("hex");
}

/** A JWK set's keys by their thumbprints (RFC 7638), whatever they call themselves. */
export function keysOf(set) {
  if (!Array.isArray(set?.keys)) throw new Error("it has no keys");
  return new Map(set.keys.map(({ kty, crv, x, y }) => {
    const key = createPublicKey({ key: { kty, crv, x, y }, format: "jwk" });
    return [createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url"), key];
  }));
}

const json = (part) => JSON.parse(Buffer.from(part, "base64url").toString());

/** What is wrong with a checkpoint, or else what it says: {fault} or {position, hash, at, kid}. */
export function openCheckpoint(kept, org, keys) {
  try {
    const [head, payload, signature] = kept.jws.split(".");
    const { alg, typ, kid } = json(head);
    const says = json(payload);
    if (alg !== "ES256" || typ !== "checkpoint+jwt") return { fault: `it is of type ${typ} and signed by ${alg}` };
    if (!keys.has(kid)) return { fault: `it is signed with key ${kid}, which is none of the keys it may be signed with`, kid };
    if (!verify("sha256", Buffer.from(`${head}.${payload}`), { key: keys.get(kid), dsaEncoding: "ieee-p1363" }, Buffer.from(signature, "base64url"))) {
      return { fault: `its signature is not that of key ${kid}` };
    }
    if (says.org !== org) return { fault: `it was signed for organisation ${says.org}` };
    if (says.position !== kept.position) return { fault: `it was signed for position ${says.position}` };
    return { position: says.position, hash: says.hash, at: says.at, kid };
  } catch (error) {
    return { fault: `it cannot be read (${error.message})` };
  }
}
