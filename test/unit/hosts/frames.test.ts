import fc from "fast-check";
import { expect, test } from "vitest";
import { type Frame, framesIn, framesOf } from "../../../agent/transfer/frames";

const last = () => ({ word: "done" as const, stamp: "2026-11-22T02:04:01Z" });

async function bytesOf(files: Record<string, Buffer[]>): Promise<Buffer> {
    const sent = (async function* () {
        for (const [name, bytes] of Object.entries(files)) {
            yield { name, bytes };
        }
    })();
    const pieces: Buffer[] = [];
    for await (const piece of framesOf(sent, last)) {
        pieces.push(piece);
    }
    return Buffer.concat(pieces);
}

async function read(chunks: Buffer[]): Promise<Frame[]> {
    const frames: Frame[] = [];
    const stream = (async function* () {
        yield* chunks;
    })();
    for await (const frame of framesIn(stream)) {
        frames.push(Buffer.isBuffer(frame) ? Buffer.from(frame) : frame);
    }
    return frames;
}

function filesIn(frames: Frame[]): Record<string, string> {
    const files: Record<string, string> = {};
    let name = "";
    for (const frame of frames) {
        if (Buffer.isBuffer(frame)) {
            files[name] += frame.toString("latin1");
        } else if (frame.word === "file") {
            name = frame.name;
            files[name] = "";
        }
    }
    return files;
}

test("files arrive as they were sent, however the pipe cuts them", async () => {
    const bytes = fc.array(fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)));
    const files = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), bytes, { maxKeys: 4 });
    await fc.assert(
        fc.asyncProperty(files, fc.integer({ min: 1, max: 50 }), async (sent, size) => {
            const whole = await bytesOf(sent);
            const chunks = Array.from({ length: Math.ceil(whole.length / size) }, (_, at) =>
                whole.subarray(at * size, (at + 1) * size),
            );
            const expected = Object.entries(sent).map(([name, all]) => [name, Buffer.concat(all).toString("latin1")]);
            expect(filesIn(await read(chunks))).toEqual(Object.fromEntries(expected));
        }),
    );
});

test("a connection that is cut at any byte has no last word", async () => {
    const whole = await bytesOf({
        dump: [Buffer.from("select 1;\n"), Buffer.from("-- end\n")],
        manifest: [Buffer.from("{}")],
    });
    for (let length = 0; length < whole.length; length++) {
        await expect(read([whole.subarray(0, length)]), `at byte ${length}`).rejects.toThrow(
            "The connection ended in the middle of the backup.",
        );
    }
    expect((await read([whole])).at(-1)).toEqual(last());
});

test("something else on the connection is none of ours", async () => {
    await expect(read([Buffer.from("Welcome to Debian!\n".repeat(10))])).rejects.toThrow(
        "What arrives is none of ours",
    );
});
