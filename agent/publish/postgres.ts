import { join } from "node:path";
import { dumpEncoding, type Manifest, manifestVersion, serverSubject } from "../../contract/manifest";
import type { Publication } from "../../contract/publication";
import { readSecret } from "../postgres/server";
import { Refusal } from "../refusal";
import { dump } from "./dump";
import type { Dumper, DumpOrder } from "./dumper";
import { type Facts, readFacts } from "./facts";
import { openTools, type Tools } from "./tools";

/** Dumps databases of PostgreSQL, by its own programs. */
export async function postgresDumper(plan: Publication, signal: AbortSignal): Promise<Dumper> {
    const password = await readSecret(plan.server.passwordFile);
    const tools = await openTools(plan, password, signal);
    try {
        const facts = await readFacts(plan, password);
        refuseOtherTools(tools.version, facts.server.version);
        return {
            subjects: plan.dump === "server" ? [serverSubject] : plan.databases,
            dump: (order) => makeBackup(order, { plan, tools, facts, signal }),
            close: tools.close,
        };
    } catch (error) {
        await tools.close();
        throw error;
    }
}

interface Making {
    plan: Publication;
    tools: Tools;
    facts: Facts;
    signal: AbortSignal;
}

async function makeBackup(order: DumpOrder, { plan, tools, facts, signal }: Making): Promise<Manifest> {
    const { subject, stamp, imageTag, folder, watch } = order;
    const begun = new Date().toISOString();
    const stem = `backup-${stamp}-${subject}`;
    const backup = plan.format === "plain" ? `${stem}.sql.gz` : stem;
    const encoding = dumpEncoding(plan.dump, facts.databases.get(subject)?.encoding);
    const path = join(folder, backup);
    const { files, databases } = await dump({ plan, tools, subject, encoding, path, watch, signal });
    return {
        ...{ version: manifestVersion, backup, stamp, subject, dump: plan.dump, format: plan.format },
        ...{ begun, ended: new Date().toISOString(), client: tools.version, server: facts.server },
        ...(imageTag !== undefined && { imageTag }),
        files,
        databases: Object.fromEntries(
            [...databases].map(([name, held]) => [name, { ...factsOf(facts, name), ...held }]),
        ),
    };
}

function factsOf({ databases }: Facts, name: string) {
    const facts = databases.get(name);
    if (facts === undefined) {
        throw new Error(`Database ${name} was made while the server was dumped: the next run has it.`);
    }
    return facts;
}

/** An older pg_dump cannot read the server, and the folders of a newer one cannot be restored by the server's own tools. */
function refuseOtherTools(client: string, server: string): void {
    if (Number.parseInt(client, 10) !== Number.parseInt(server, 10)) {
        throw new Refusal(
            `pg_dump is ${client}, and the server ${server}: set database.image to the official image of the server's ` +
                "major version.",
        );
    }
}
