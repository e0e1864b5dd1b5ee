import { readFileSync } from "node:fs";
import path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { bundle } from "./agent/bundle";
import { HostReplica } from "./components/hosts/replica";
import { Publisher } from "./components/publisher";
import { Replica } from "./components/replica";
import { markerSql } from "./contract";
import { historyWith } from "./contract/history";
import { catalogueConfigMap } from "./contract/manifest";
import { describeIsolation } from "./hosts/isolation";
import { preflight } from "./preflight";
import { hostPreflight } from "./preflight/hosts";
import { previewOf } from "./preview";
import { hostPreviewOf } from "./preview/hosts";
import type { Preview } from "./preview/summary";
import { readLive } from "./record";
import { readSettings, type Settings } from "./settings";
import type { HostSettings } from "./settings/hosts";
import type { PublisherSettings } from "./settings/publisher";
import { table } from "./table";

/** What a run of the program is for, which nobody can ask the engine. */
interface Run {
    /** In a preview, is told what an update would do. */
    tell?: (preview: Preview) => unknown;
    /** Is asked before the first resource is registered, and throws what speaks against all of them. */
    check?: () => Promise<void>;
    /** Whether it tells the engine what is to be removed, and what of it stays. */
    wiping?: boolean;
}

/** The program: a stack file in, one replica or one source side out. */
export = async (run: Run = {}) => {
    const settings = readSettings();
    const stack = `${pulumi.getProject()}/${pulumi.getStack()}`;
    switch (settings.role) {
        case "source":
            return makePublisher(settings, stack, run);
        case "hosts":
            return makeHostReplica(settings, stack, run);
        case "replica":
            return makeReplica(settings, stack, run);
    }
};

/** Shows it among what the engine prints, where nobody else does. */
function tellEngine({ rows }: Preview): Promise<void> {
    return pulumi.log.info(`What an update would do:\n${table(rows)}`);
}

async function makePublisher(settings: PublisherSettings, stack: string, { check }: Run) {
    await check?.();
    new Publisher("publisher", {
        ...{ stack, settings },
        program: await bundle(settings.database.engine === "mysql" ? "all" : "postgres"),
    });
    const { source, schedule, media } = settings;
    return {
        namespace: source.namespace,
        schedule,
        catalogue: catalogueConfigMap,
        ...(media !== undefined && { mediaSchedule: media.schedule }),
    };
}

async function makeHostReplica(settings: HostSettings, stack: string, run: Run) {
    const { tell = tellEngine, check, wiping = false } = run;
    const program = await bundle("all");
    const sighting = await hostPreflight({ settings, stack, program }, wiping);
    if (pulumi.runtime.isDryRun()) {
        await tell(hostPreviewOf(settings, stack, sighting));
    }
    await check?.();
    const replica = new HostReplica("replica", { stack, settings, program });
    return {
        host: settings.target.host,
        databaseGeneration: replica.generations.database,
        mediaGeneration: replica.generations.media,
        switched: replica.switched,
        ...(sighting.parity !== undefined && { parity: sighting.parity }),
        ...(sighting.isolation !== undefined && { unreachable: describeIsolation(sighting.isolation) }),
        ...(settings.parity?.allowMismatch !== undefined && { mismatchAllowed: settings.parity.allowMismatch }),
    };
}

async function makeReplica(settings: Settings, stack: string, run: Run) {
    const { tell = tellEngine, check, wiping = false } = run;
    // Together: one waits for the cluster, the other for the bundler.
    const [{ keptCredentials, sighting }, program] = await Promise.all([preflight(settings, stack, wiping), bundle()]);
    if (pulumi.runtime.isDryRun()) {
        await tell(previewOf(settings, stack, sighting));
    }
    await check?.();
    const replica = new Replica("replica", {
        stack,
        settings,
        program,
        initialSql: markerSql(stack),
        keptCredentials,
        readLive: () => readLive(settings),
        // What was live until now may never have been written down: its update may have ended before.
        history: historyWith(sighting?.history ?? [], sighting?.report),
    });
    return {
        namespace: settings.target.namespace,
        ...(replica.url !== undefined && { url: replica.url }),
        databaseGeneration: replica.generations.database,
        mediaGeneration: replica.generations.media,
        databaseSecret: replica.databaseSecret,
        backup: replica.live.apply((live) => live?.database.report?.stamp ?? "unknown"),
        switched: replica.live.apply((live) => live?.database.switched ?? "unknown"),
        report: replica.live.apply((live) => live ?? "unknown"),
        readme: readFileSync(path.join(__dirname, "Pulumi.README.md"), "utf8"),
        ...(settings.allowTagMismatch !== undefined && { tagMismatchAllowed: settings.allowTagMismatch }),
    };
}
