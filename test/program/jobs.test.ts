import { beforeAll, describe, expect, it } from "vitest";
import { sweep } from "../sweep";
import { type Run, runProgram } from "./monitor";
import { changed, cluster, config, job, template } from "./registered";

describe("what makes a Job run again", () => {
    let first: Run;
    beforeAll(async () => {
        first = await runProgram({ config, cluster });
    });

    const afterwards = ["switch", "smoke", "retire"];
    const withDatabase = ["prepare-database", ...afterwards];
    const commands = ["prepare-database", "prepare-media", "switch", "smoke", "retire"];
    sweep([
        {
            change: "another refresh of the database",
            key: "database",
            value: { refresh: "2" },
            again: withDatabase,
        },
        {
            change: "another backup",
            key: "database",
            value: { backup: "2026-11-20T02:04:01Z" },
            again: withDatabase,
        },
        {
            change: "dumps of the whole server",
            key: "database",
            value: { dump: "server" },
            again: withDatabase,
        },
        {
            change: "another refresh of the media",
            key: "media",
            value: { refresh: "2" },
            again: ["prepare-media", ...afterwards],
        },
        {
            change: "another way to share unchanged files",
            key: "media",
            value: { sharing: "copy" },
            again: ["prepare-media", ...afterwards],
        },
        { change: "more that may be lacking", key: "media", value: { maximumDeletions: 90 }, again: [] },
        { change: "an older backup allowed", key: "database", value: { maximumAge: "7d" }, again: [] },
        { change: "more proof", key: "database", value: { amcheck: true }, again: [] },
        { change: "an extension allowed", key: "database", value: { extensions: ["postgis"] }, again: [] },
        { change: "another locale", key: "database", value: { locale: "C" }, again: withDatabase },
        { change: "a larger volume", key: "database", value: { volume: "4Gi" }, again: [] },
        { change: "more replicas", key: "application", value: { replicas: 3 }, again: [] },
        { change: "more kept", key: "media", value: { keepGenerations: 3 }, again: ["retire"] },
    ])("$change", async ({ key, value, again }) => {
        const second = await runProgram({ config: changed(key, value), cluster });
        const text = (run: Run, name: string) => JSON.stringify(template(job(run, name)));
        const rerun = commands.filter((name) => text(first, name) !== text(second, name));
        expect(rerun).toEqual(again);
    });

    it("has as many file calls under way as a far file system needs, where it works on files", () => {
        const calls = commands.filter((name) =>
            template(job(first, name)).spec.containers[0]?.env?.some(
                ({ name, value }) => name === "UV_THREADPOOL_SIZE" && value === "256",
            ),
        );
        expect(calls).toEqual(["prepare-media", "retire"]);
    });
});
