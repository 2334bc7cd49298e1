// Says again, at the end of a long test run, which tests failed and why: node scripts/failures.mjs DIR-OF-TRX-FILES
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const MAX_MESSAGE = 3000;
const ENTITIES = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&#xD;": "", "&amp;": "&" };

const plain = (xml) => xml.replace(/&(lt|gt|quot|apos|#xD|amp);/g, (entity) => ENTITIES[entity]);

const [directory] = process.argv.slice(2);
for (const file of readdirSync(directory).filter((name) => name.endsWith(".trx")).sort()) {
  const results = readFileSync(join(directory, file), "utf8").matchAll(/<UnitTestResult ([^>]*)outcome="Failed"[^>]*>(.*?)<\/UnitTestResult>/gs);
  for (const [, attributes, body] of results) {
    const name = plain(/testName="([^"]*)"/.exec(attributes)?.[1] ?? "a test without a name");
    const message = plain(/<Message>(.*?)<\/Message>/s.exec(body)?.[1] ?? "no message").trim();
    console.log(`failed: ${name}\n${message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}\n(cut here, ${message.length} characters in all)` : message}\n`);
  }
}
