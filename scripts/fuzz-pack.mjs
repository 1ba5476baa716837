// Many small inputs of a fuzz target as one file, and back: each behind its length in two bytes (big
// endian), shortest first, those of one length in the order of their bytes, none twice.
// Usage: fuzz-pack.mjs pack FOLDER FILE MOST_BYTES | fuzz-pack.mjs unpack FILE FOLDER
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [what, from, to, mostBytes] = process.argv.slice(2);

// Longer ones find nothing that a shorter one does not, and fill the repository.
const LONGEST = 2048;

function pack() {
    const inputs = new Map();
    for (const name of readdirSync(from)) {
        const bytes = readFileSync(join(from, name));
        if (bytes.length <= LONGEST) inputs.set(bytes.toString("latin1"), bytes);
    }
    const sorted = [...inputs.values()].sort((a, b) => a.length - b.length || Buffer.compare(a, b));
    const parts = [];
    let left = Number(mostBytes);
    let count = 0;
    for (const bytes of sorted) {
        left -= bytes.length + 2;
        if (left < 0) break;
        parts.push(Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes);
        count += 1;
    }
    writeFileSync(to, Buffer.concat(parts));
    console.log(`${count} of ${inputs.size} inputs in ${to}`);
}

function unpack() {
    const packed = readFileSync(from);
    for (let at = 0; at < packed.length; ) {
        const end = at + 2 + packed.readUInt16BE(at);
        const bytes = packed.subarray(at + 2, end);
        // As the fuzzer itself names its inputs.
        writeFileSync(join(to, createHash("sha1").update(bytes).digest("hex")), bytes);
        at = end;
    }
}

if (what === "pack") pack();
else if (what === "unpack") unpack();
else throw new Error("pack or unpack");
