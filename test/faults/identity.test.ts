import { afterAll, beforeAll, expect, test } from "vitest";
import { markerSql, type Plan } from "../../contract";
import { stack } from "../postgres/replica";
import { sweep } from "../sweep";
import { startProxy, through, type Way } from "./proxy";
import { type FaultStage, openFaultStage } from "./stage";

/** The target is production's own server, whatever it is called. */
let stage: FaultStage;
let proxy: Way;
let identifier: string;
beforeAll(async () => {
    stage = await openFaultStage();
    proxy = await startProxy(stage.production.port);
    const rows = await stage.production.query(
        "postgres",
        "select system_identifier::text as id from pg_control_system()",
    );
    identifier = String(rows[0]?.id);
    // The worst that can be: somebody has marked it as this stack's.
    await stage.production.query("postgres", markerSql(stack));
});
afterAll(async () => {
    await proxy?.close();
    await stage?.stop();
});

const addresses: [string, () => Partial<Plan["database"]["server"]>][] = [
    ["by its address", () => ({ port: stage.production.port })],
    ["by its host's name", () => ({ host: "localhost", port: stage.production.port })],
    ["by another way to write the address", () => ({ host: "127.1", port: stage.production.port })],
    ["by the port of a proxy before it", () => ({ port: proxy.port })],
];
const commands = ["prepare-database", "switch", "retire"] as const;

sweep(addresses.map(([name, address], at) => [commands[at % commands.length] ?? "switch", name, address] as const))(
    "%s refuses production's server %s, though it is marked",
    async (command, name, address) => {
        const plan = stage.next();
        const before = await stage.production.content();
        const faulty = through(plan, address());
        const ending = await stage.attempt(command, { ...faulty, source: { systemIdentifier: identifier } });
        expect(ending).toMatchObject({
            status: 3,
            sentence: expect.stringContaining(`is production's own (system identifier ${identifier})`),
        });
        expect(await stage.production.content()).toBe(before);
        await stage.recovered({ fault: "14 the target is the source", step: `${command}: ${name}`, ending, plan });
    },
);

test("without its identifier, production's server is refused by the marker that it does not carry", async () => {
    await stage.production.query("postgres", "drop schema understudy cascade");
    const plan = stage.next();
    const before = await stage.production.content();
    const ending = await stage.attempt("prepare-database", {
        ...through(plan, { port: stage.production.port }),
        source: {},
    });
    expect(ending).toMatchObject({
        status: 3,
        sentence: expect.stringContaining("does not carry the marker of a replica"),
    });
    expect(await stage.production.content()).toBe(before);
    await stage.recovered({ fault: "14 the target is the source", step: "its identifier is unknown", ending, plan });
});
