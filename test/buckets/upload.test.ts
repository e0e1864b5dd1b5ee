import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { placesOn, uploadDumps } from "../../agent/buckets/upload";
import { Refusal } from "../../agent/refusal";
import { writePolicy } from "../../components/bucket-policies";
import type { BucketSidePlan, BucketsPlan } from "../../contract/buckets";
import { recordLog } from "./log";
import { altered, never, type Stage, startStage } from "./stage";

let stage: Stage;
let daily: BucketSidePlan;
let weekly: BucketSidePlan;
let dump: string;

beforeAll(async () => {
    stage = await startStage();
    const keeper = await stage.server.user("keeper", writePolicy({ bucket: "replica", prefix: "dumps" }));
    daily = stage.side("replica", "dumps/daily", keeper);
    weekly = stage.side("replica", "dumps/weekly", keeper);
});
afterAll(() => stage?.stop());
beforeEach(async () => {
    await stage.empty();
    dump = join(stage.folder, "shop.db1.20261107.dump");
    writeFileSync(dump, "a dump");
    recordLog();
});
afterEach(() => vi.restoreAllMocks());

const day = (date: string) => new Date(`${date}T02:00:00Z`);
const plan = (change: object = {}): BucketsPlan => ({
    ...stage.plan(),
    uploads: { daily, weekly, files: [dump] },
    ...change,
});

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

    test("and are there afterwards", async () => {
        expect(await uploadDumps(plan(), never, day("2026-11-08"))).toBe(
            "Uploaded 1 dump (6 bytes) to s3://replica/dumps/daily and compared them there.",
        );
        const name = "shop.db1.20261107.dump";
        expect(await stage.server.objects("replica")).toEqual({ [`dumps/daily/${name}`]: "a dump" });
        await uploadDumps(plan(), never, day("2026-11-14"));
        expect(await stage.server.objects("replica")).toEqual({
            [`dumps/daily/${name}`]: "a dump",
            [`dumps/weekly/${name}`]: "a dump",
        });
    });

    test("and what is not the same there fails", async () => {
        const rclone = altered(stage, "copy", `echo "no dump" > ${dump}; $rclone "$@"; echo "a dump" > ${dump}; exit`);
        await expect(uploadDumps(plan({ rclone }), never, day("2026-11-08"))).rejects.toThrow("rclone could not check");
    });
});

describe("nothing is uploaded", () => {
    const refusal = async (change: object) => {
        const error = await uploadDumps(plan(change), never, day("2026-11-07")).catch((reason: Error) => reason);
        expect(error).toBeInstanceOf(Refusal);
        expect(await stage.server.objects("replica")).toEqual({});
        return String(error);
    };

    test("that is not there, is empty, or has another's name", async () => {
        const files = (...names: string[]) => refusal({ uploads: { daily, files: names } });
        expect(await files(join(stage.folder, "nothing"))).toContain(
            "cannot be uploaded (ENOENT): look whether it was made",
        );
        writeFileSync(join(stage.folder, "empty"), "");
        expect(await files(join(stage.folder, "empty"))).toContain("is empty, or no file");
        expect(await files(dump, `${stage.folder}/./shop.db1.20261107.dump`)).toContain(
            "Two of the dumps to upload are called",
        );
        expect(await files()).toContain("names no dumps to upload");
    });

    test("to a public bucket", async () => {
        const Statement = [
            { Sid: "All", Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::replica/*" },
        ];
        const body = JSON.stringify({ Version: "2012-10-17", Statement });
        await stage.server.ask("replica?policy", { method: "PUT", body });
        expect(await refusal({})).toContain("is public by the bucket's policy");
    });
});
