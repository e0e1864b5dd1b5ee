import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { bundle } from "../../agent/bundle";
import { generationFolder, type MediaPlan, type Plan, planVersion } from "../../contract";
import { agentIn } from "../../test/postgres/replica";
import { notePeak } from "../measure";
import type { Ends } from "./ends";
import { changed, first, nothing, type Turn, type Way } from "./ways";

/** What ours is called among the ways. */
export const own = "understudy";

/** Calls to file systems that the agent's Job may have under way, as components/agent.ts gives it. */
const fileCalls = "256";

/** Ours, as its Job runs it, with every guard and proof: each turn makes a generation beside the last. */
export async function ownWay(
    ends: Ends,
    folder: string,
    memory: { peak: number },
    sharing: MediaPlan["sharing"] = "link",
): Promise<Way> {
    const files = join(folder, `agent-${sharing}`);
    mkdirSync(files);
    const run = agentIn(files, await bundle());
    const turn = (turn: Turn, generation: string) => ({
        turn,
        async copy(source: string, volume: string) {
            let ended = () => undefined as unknown;
            const { status, sentence } = await run("prepare-media", planFor(source, volume, generation, sharing), {
                env: { UV_THREADPOOL_SIZE: fileCalls },
                started(child) {
                    notePeak(child, memory);
                    const closed = once(child, "close");
                    ended = ends.add(() => {
                        child.kill("SIGKILL");
                        return closed;
                    });
                },
            });
            ended();
            if (status !== 0) {
                throw new Error(sentence);
            }
            return generationFolder(generation);
        },
    });
    return {
        name: own,
        // As docs/media.md says.
        mode: sharing === "link" ? 0o644 : 0o664,
        turns: [turn(first, "00000000aa"), turn(nothing, "00000000bb"), turn(changed, "00000000cc")],
    };
}

function planFor(source: string, volume: string, generation: string, sharing: MediaPlan["sharing"]): Plan {
    return {
        version: planVersion,
        stack: "understudy/bench",
        source: {},
        // Nobody asks for it.
        database: {
            generation,
            databases: [{ name: "shop", owner: "shop" }],
            ...{ dump: "database", backup: "latest", maximumAge: 1, keepGenerations: 1, rules: generation },
            ...{ keepBase: false, amcheck: false, extensions: [], encoding: "UTF8", capacity: 1 },
            server: { host: "127.0.0.1", port: 1, user: "postgres", passwordFile: "/dev/null" },
            ...{ loginPasswordFile: "/dev/null", backups: "/dev/null" },
        },
        media: {
            ...{ generation, source, volume, sharing },
            ...{ minimumFiles: 1, maximumDeletions: 20, links: "refuse", exclude: [], keepGenerations: 1 },
            verify: { copied: 100, linked: 1 },
            ...{ owners: "agent", group: 10001 },
        },
        imageTag: "1.0",
        allowTagMismatch: false,
        keepFailed: false,
    };
}
