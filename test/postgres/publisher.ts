import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundle } from "../../agent/bundle";
import {
    type CatalogueEntry,
    catalogueEntry,
    catalogueFile,
    entriesIn,
    type Manifest,
    manifestSchema,
    type Tier,
} from "../../contract/manifest";
import { type Publication, type PublisherCommand, publicationVersion } from "../../contract/publication";
import { type ApiRequest, startClusterApi } from "../cluster-api";
import { agentIn, type Ending, type RunAgent, startProduction } from "./replica";
import type { TestServer } from "./server";

/** Production with its store, and the agent as its CronJobs run it. */
export interface Publisher {
    production: TestServer;
    /** Root of the store; {@link reset} empties it. */
    store: string;
    plan(change?: (plan: Publication) => void): Publication;
    run(
        command: PublisherCommand,
        plan?: Publication,
        options?: Parameters<RunAgent<PublisherCommand, Publication>>[2],
    ): Promise<Ending>;
    /** Publishes, which has to end well, and tells the names without endings of what there is then. */
    published(change?: (plan: Publication) => void): Promise<string[]>;
    /** The catalogue in the store, line by line. */
    lines(): CatalogueEntry[];
    /** Names in a tier, those of unfinished things too. */
    names(tier: Tier): string[];
    manifest(tier: Tier, stem: string): Manifest;
    /** Gives a backup a second time, under another stamp. */
    age(stem: string, stamp: string): string;
    reset(): void;
    /** What the cluster was asked, and what it was given. */
    requests: ApiRequest[];
    stop(): Promise<void>;
}

/** A plan with its files in a folder, and the server at a port. */
export function publicationIn(folder: string, store: string, port: number): Publication {
    return {
        version: publicationVersion,
        engine: "postgres",
        server: {
            host: "127.0.0.1",
            port,
            user: "postgres",
            passwordFile: join(folder, "password"),
        },
        dump: "database",
        databases: ["shop"],
        format: "directory",
        jobs: 2,
        excludeTableData: [],
        migrations: {},
        store,
        keep: { hourly: 24, daily: 0, weekly: 0, monthly: 0 },
        cluster: {
            account: join(folder, "account"),
            namespace: "production",
            workload: { kind: "StatefulSet", name: "stack", container: "stack" },
        },
    };
}

/** Starts production, unless it is given; its database `shop` is dumped. */
export async function startPublisher(given?: TestServer): Promise<Publisher> {
    const folder = mkdtempSync(join(tmpdir(), "understudy-publisher-"));
    const store = join(folder, "store");
    mkdirSync(store);
    const [production, program] = await Promise.all([given ?? startProduction(), bundle()]);
    writeFileSync(join(folder, "password"), production.password);
    const requests: Publisher["requests"] = [];
    const cluster = await startClusterApi(join(folder, "account"), requests);
    const run = agentIn<PublisherCommand, Publication>(folder, program);

    const plan: Publisher["plan"] = (change = () => undefined) => {
        const made = publicationIn(folder, store, production.port);
        change(made);
        return made;
    };
    const publisher: Publisher = {
        production,
        store,
        requests,
        plan,
        async published(change) {
            const { status, log } = await publisher.run("publish", plan(change));
            if (status !== 0) {
                throw new Error(log);
            }
            return publisher.names("hourly").flatMap((name) => /^(.*)\.json$/.exec(name)?.[1] ?? []);
        },
        lines: () => entriesIn(catalogueFile, readFileSync(join(store, catalogueFile), "utf8"), catalogueEntry),
        run: (command, given = plan(), options = {}) =>
            run(command, given, { ...options, env: { ...cluster.env, ...options.env } }),
        names: (tier) => readdirSync(join(store, tier)).sort(),
        manifest: (tier, stem) =>
            manifestSchema.parse(JSON.parse(readFileSync(join(store, tier, `${stem}.json`), "utf8"))),
        age(stem, stamp) {
            const other = stem.replace(/\d{4}-.*?Z/, stamp);
            const hourly = join(store, "hourly");
            cpSync(join(hourly, stem), join(hourly, other), { recursive: true });
            const text = readFileSync(join(hourly, `${stem}.json`), "utf8");
            writeFileSync(
                join(hourly, `${other}.json`),
                JSON.stringify({ ...JSON.parse(text), backup: other, stamp }, undefined, 2),
            );
            return other;
        },
        reset() {
            rmSync(store, { recursive: true });
            mkdirSync(store);
            requests.length = 0;
        },
        async stop() {
            cluster.close();
            await production.stop();
            rmSync(folder, { recursive: true, force: true });
        },
    };
    return publisher;
}
