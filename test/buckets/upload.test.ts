import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { placesOn, uploadDumps } from "../../agent/buckets/upload";
import { Refusal } from "../../agent/refusal";
import { framesOf } from "../../agent/transfer/frames";
import { writePolicy } from "../../components/bucket-policies";
import type { BucketSidePlan, UploadsPlan } from "../../contract/buckets";
import { recordLog } from "./log";
import { altered, never, type Stage, startStage } from "./stage";

let stage: Stage;
let daily: BucketSidePlan;
let weekly: BucketSidePlan;
let log: () => string;

beforeAll(async () => {
    stage = await startStage();
    const keeper = await stage.server.user("keeper", writePolicy({ bucket: "replica", prefix: "dumps" }));
    daily = stage.side("replica", "dumps/daily", keeper);
    weekly = stage.side("replica", "dumps/weekly", keeper);
});
afterAll(() => stage?.stop());
beforeEach(async () => {
    await stage.empty();
    log = recordLog();
});
afterEach(() => vi.restoreAllMocks());

const day = (date: string) => new Date(`${date}T02:00:00Z`);
const plan = (change: Partial<UploadsPlan> = {}): UploadsPlan => ({ rclone: stage.rclone, daily, weekly, ...change });
const name = "backup-2026-11-07T02:00:00Z-shop.dump";
/** What is in a prefix afterwards, as `sha256sum` writes it. */
const uploaded = (prefix: string) => ({
    [`${prefix}/${name}`]: "a dump",
    [`${prefix}/${name}.sha256`]: `${createHash("sha256").update("a dump").digest("hex")}  ${name}\n`,
});
/** A backup as it arrives. */
const arriving = (bytes = [Buffer.from("a dump")]) =>
    framesOf(
        (async function* () {
            yield { name: `hourly/${name}`, bytes };
        })(),
        () => ({ word: "done", stamp: "2026-11-07T02:00:00Z" }),
    );

describe("S3-13: dumps are uploaded", () => {
    test("every day to the daily prefix, and on days 1, 7, 14, 21 and 28 to the weekly one as well", () => {
        const days = Array.from({ length: 31 }, (_, at) => at + 1);
        const onWeekly = days.filter((number) =>
            placesOn(new Date(Date.UTC(2026, 9, number)), { daily, weekly }).includes(weekly),
        );
        expect(onWeekly).toEqual([1, 7, 14, 21, 28]);
        expect(
            days.every((number) => placesOn(new Date(Date.UTC(2026, 9, number)), { daily, weekly })[0] === daily),
        ).toBe(true);
        expect(placesOn(day("2026-11-07"), { daily })).toEqual([daily]);
    });

    test("while they arrive, and are there afterwards", async () => {
        expect(await uploadDumps(plan(), arriving(), never, day("2026-11-08"))).toBe(
            "Uploaded 1 file (6 bytes) to s3://replica/dumps/daily and compared them there.",
        );
        expect(log()).toContain('{"event":"wanted"}');
        expect(await stage.server.objects("replica")).toEqual(uploaded("dumps/daily"));
        await uploadDumps(plan(), arriving(), never, day("2026-11-14"));
        expect(await stage.server.objects("replica")).toEqual({
            ...uploaded("dumps/daily"),
            ...uploaded("dumps/weekly"),
        });
    });

    test("in parts, where they are large", async () => {
        const pieces = Array.from({ length: 70 }, (_, at) => Buffer.alloc(2 ** 20, 97 + (at % 26)));
        await uploadDumps(plan(), arriving(pieces), never, day("2026-11-08"));
        const { [`dumps/daily/${name}`]: stored } = await stage.server.objects("replica");
        expect(stored === Buffer.concat(pieces).toString()).toBe(true);
    });
});

describe("no checksum is beside a dump", () => {
    const failed = async (change: Partial<UploadsPlan>, input = arriving()) => {
        const error = await uploadDumps(plan(change), input, never, day("2026-11-08")).catch((reason: Error) => reason);
        expect(await stage.server.objects("replica")).not.toHaveProperty([`dumps/daily/${name}.sha256`]);
        return error as Error;
    };

    test("that is not what arrived", async () => {
        const rclone = altered(stage, "rcat", 'tr a b | $rclone "$@"; exit');
        expect((await failed({ rclone })).message).toContain("is something else");
    });

    test("that did not arrive whole", async () => {
        const cut = (async function* () {
            for await (const frame of arriving()) {
                if (frame.includes('"end"')) {
                    return;
                }
                yield frame;
            }
        })();
        expect((await failed({}, cut as ReturnType<typeof arriving>)).message).toContain("ended in the middle");
        expect(await stage.server.objects("replica")).toEqual({});
    });

    test("that rclone could not write", async () => {
        const rclone = altered(stage, "rcat", "exit 1");
        expect((await failed({ rclone }, arriving(Array(40).fill(Buffer.alloc(2 ** 20))))).message).toContain(
            "rclone could not write to s3://replica/dumps/daily",
        );
    });
});

test("nothing is asked for where a bucket is public", async () => {
    const Statement = [
        { Sid: "All", Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::replica/*" },
    ];
    const body = JSON.stringify({ Version: "2012-10-17", Statement });
    await stage.server.ask("replica?policy", { method: "PUT", body });
    const error = await uploadDumps(plan(), arriving(), never, day("2026-11-07")).catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(Refusal);
    expect(String(error)).toContain("is public by the bucket's policy");
    expect(log()).not.toContain("wanted");
    expect(await stage.server.objects("replica")).toEqual({});
});
