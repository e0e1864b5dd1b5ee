/**
 * `npm run bench -- buckets`: how long a copy of a bucket takes in the ways that people use today, and in ours: the first
 * one, and the next one where nothing has changed. All are measured in turn, several times over, on one S3 server on
 * loopback, and every copy is compared with its source. Stage Sync has one profile that may do everything, for which the
 * server copies by itself; ours has two that may do little, so that all data pass through. rclone is measured in both ways.
 * Wants a quiet machine and half an hour.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "../agent/bundle";
import type { BucketKeys } from "../contract/buckets";
import { run } from "../dev/command";
import { environmentOf, type Stage, startStage } from "../test/buckets/stage";
import { median, rounds, seconds } from "./measure";

/** Production's objects: as many as a site has pictures, and as large. */
const shape = { objects: 20_000, folders: 200, bytes: 16_384 };

/** A way to make a target what the source is. */
interface Way {
    name: string;
    copy(prefix: string): Promise<unknown>;
}

const own = "understudy";
const turns = ["first copy", "nothing changed"] as const;

export async function buckets(): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "understudy-bench-"));
    const stage = await startStage();
    try {
        await fill(stage, folder);
        const ways = [await ownWay(stage, folder), ...rcloneSync(stage, folder), ...(await awsSync(stage))];
        const times = await measured(ways, stage);
        tell(times, ways);
    } finally {
        await stage.stop();
        rmSync(folder, { recursive: true });
    }
}

/** Uploads production's objects. */
async function fill({ server, rclone }: Stage, folder: string): Promise<void> {
    const site = join(folder, "site");
    for (let at = 0; at < shape.objects; at++) {
        const within = join(site, `${at % shape.folders}`);
        mkdirSync(within, { recursive: true });
        writeFileSync(join(within, `${at}.jpg`), Buffer.alloc(shape.bytes, `${at} `));
    }
    const remote = `:s3,provider=Other,endpoint="${server.endpoint}",env_auth=true:production/site`;
    const options = ["--config=/dev/null", "--transfers=16", "--s3-no-check-bucket"];
    await run(rclone, ["copy", ...options, site, remote], { env: { ...process.env, ...environmentOf(server.owner) } });
}

async function ownWay(stage: Stage, folder: string): Promise<Way> {
    const agent = join(folder, "agent.cjs");
    writeFileSync(agent, await bundle());
    return {
        name: own,
        async copy(prefix) {
            const copy = stage.copy();
            const path = join(folder, "plan.json");
            writeFileSync(path, JSON.stringify(stage.plan({ ...copy, to: { ...copy.to, prefix: `site/${prefix}` } })));
            await run(process.execPath, [agent, "copy-buckets", "--plan", path]);
        },
    };
}

/** As Stage Sync calls it, and the same with an identity for each side. */
function rcloneSync({ server, rclone, reader, writer }: Stage, folder: string): Way[] {
    const config = join(folder, "rclone.conf");
    const remote = (name: string, { accessKeyId, secretAccessKey }: BucketKeys) => {
        const keys = { access_key_id: accessKeyId, secret_access_key: secretAccessKey };
        const settings = { type: "s3", provider: "Other", endpoint: server.endpoint, ...keys };
        return [`[${name}]`, ...Object.entries(settings).map(([key, value]) => `${key} = ${value}`), ""];
    };
    const remotes = [remote("any", server.owner), remote("reader", reader), remote("writer", writer)];
    writeFileSync(config, remotes.flat().join("\n"), { mode: 0o600 });
    const options = [`--config=${config}`, "--transfers=16", "--checksum", "--log-level=DEBUG"];
    const log = `--log-file=${join(folder, "rclone.log")}`;
    const way = (name: string, from: string, to: string) => ({
        name,
        copy: (prefix: string) =>
            run(rclone, ["sync", ...options, log, `${from}:production/site`, `${to}:replica/site/${prefix}`]),
    });
    return [way("rclone sync", "any", "any"), way("rclone sync with two identities", "reader", "writer")];
}

/** Nothing where there is no such program. */
async function awsSync({ server }: Stage): Promise<Way[]> {
    const env = { ...process.env, ...environmentOf(server.owner), AWS_DEFAULT_REGION: "us-east-1" };
    const version = await run("aws", ["--version"], { env }).catch(() => undefined);
    if (version === undefined) {
        console.log("aws s3 sync: not measured, since there is no aws here; it comes with pip install awscli.");
        return [];
    }
    const flags = ["--endpoint-url", server.endpoint, "--delete", "--only-show-errors"];
    return [
        {
            name: "aws s3 sync",
            copy: (prefix) =>
                run("aws", ["s3", "sync", ...flags, "s3://production/site", `s3://replica/site/${prefix}`], { env }),
        },
    ];
}

/** Seconds by way and turn. */
type Times = Map<string, number[]>;

async function measured(ways: Way[], { server }: Stage): Promise<Times> {
    const times: Times = new Map();
    for (let round = 0; round < rounds; round++) {
        const order = [...ways.slice(round % ways.length), ...ways.slice(0, round % ways.length)];
        for (const { name, copy } of order) {
            const prefix = `${round}-${name.replaceAll(" ", "-")}`;
            for (const turn of turns) {
                const took = await seconds(() => copy(prefix));
                console.log(`round ${round + 1}: ${name}, ${turn}: ${took.toFixed(2)} s`);
                times.set(`${name}, ${turn}`, [...(times.get(`${name}, ${turn}`) ?? []), took]);
            }
            const [source, target] = ["production/site", `replica/site/${prefix}`].map((path) =>
                join(server.folder, path),
            );
            await run("diff", ["-r", "--exclude=.understudy.json", source ?? "", target ?? ""]);
            rmSync(target ?? "", { recursive: true });
        }
    }
    return times;
}

function tell(times: Times, ways: Way[]): void {
    const of = (name: string, turn: (typeof turns)[number]) => median(times.get(`${name}, ${turn}`) ?? []);
    const ratios = (turn: (typeof turns)[number], wanted: string) =>
        `${ways
            .filter(({ name }) => name !== own)
            .map(({ name }) => `${(of(name, turn) / of(own, turn)).toFixed(2)} x ${name}`)
            .join(", ")} (${wanted})`;
    for (const [name, all] of times) {
        console.log(
            `${name}: ${median(all).toFixed(2)} s (${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)})`,
        );
    }
    console.log(`B1 first copy: ${ratios("first copy", "1.0 to rclone, 3 to aws")}`);
    console.log(`B2 nothing changed: ${ratios("nothing changed", "2")}`);
}
