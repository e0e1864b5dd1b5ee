import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestProduction } from "../../demo/digest";
import { takeBackup } from "../../demo/production";
import { buildImage, loadImages, redisImage } from "../../dev/cluster/images";
import { openStage, type Stage } from "./stage";

/**
 * Ways in which copies have acted as production, or were taken for it, each tried on the demo's replica. What became of each
 * is printed at the end.
 */
describe("a replica does not act as production:", () => {
    let stage: Stage;
    let before: Awaited<ReturnType<typeof digestProduction>>;
    const outcomes: string[] = [];
    const copy = `for the red team, ${new Date().toISOString()}`;
    const application = "app.kubernetes.io/name=application";
    const planted = [
        "site.url",
        "https://production.example.org/catalogue",
        "oauth.secret",
        "live-oauth-secret",
    ] as const;
    const settings = {
        "database.refresh": copy,
        "media.refresh": copy,
        "application.redis": {},
        "application.ingress": { host: "replica.example.org" },
        "isolation.production": ["production.example.org"],
        masking: { file: "test/scenario/red-team.yaml" },
        identity: {
            rewrite: [{ from: "https://production.example.org", to: "https://replica.example.org" }],
            sequences: { floor: 1_000_000 },
            empty: ["uploads"],
            set: [{ table: "settings", columns: { value: "none" }, where: "name = 'oauth.secret'" }],
        },
    };
    const url = (path: string) => `http://${stage.cluster.address}:30080${path}`;
    const inCopy = (query: string) => stage.sql(stage.namespace, "catalogue", query);
    const inProduction = (query: string) => stage.sql("production", "catalogue", query);
    const setting = (name: string) => inCopy(`select value from settings where name = '${name}'`);
    /** What a script says in the application's own pod. */
    const within = (script: string) => stage.execute(stage.namespace, application, ["node", "-e", script]);

    /** An update that is to be refused, and says why. */
    async function refused(changes: Record<string, unknown>, sentence: RegExp): Promise<string> {
        const was = await stage.digest();
        const { status, output } = await stage.up({ ...settings, ...changes });
        expect(output).toMatch(sentence);
        expect(status, output).not.toBe(0);
        expect(await stage.digest()).toEqual(was);
        return `refused: ${sentence.exec(output)?.[0]}`;
    }

    function way(what: string, attempt: () => Promise<string>) {
        it(`${what}`, async () => {
            outcomes.push(`${what.padEnd(66)} ${await attempt()}`);
        });
    }

    beforeAll(async () => {
        stage = await openStage();
        await loadImages(stage.cluster, [await buildImage(redisImage())]);
        const [site, address, oauth, secret] = planted;
        await inProduction(`delete from settings where name in ('${site}', '${oauth}');
            insert into settings values ('${site}', '${address}'), ('${oauth}', '${secret}')`);
        await takeBackup(stage.cluster);
        before = await digestProduction(stage.cluster);
        const { status, output } = await stage.up(settings);
        expect(status, output).toBe(0);
    });
    afterAll(async () => {
        expect(await digestProduction(stage.cluster)).toEqual(before);
        await inProduction(`delete from settings where name in ('${planted[0]}', '${planted[2]}')`);
        console.error(["", ...outcomes].join("\n"));
    });

    way("1. it sends mail to production's customers", async () => {
        expect(await inProduction("select value from settings where name = 'mail.delivery'")).toBe("live");
        expect(await setting("mail.delivery")).toBe("sink");
        const body = new URLSearchParams({ to: "anna@customer.example" });
        expect((await fetch(url("/packages/bash/mail"), { method: "POST", body, redirect: "manual" })).status).toBe(
            303,
        );
        const { output } = await stage.command("status", "scenario");
        expect(output).toMatch(/^mail +sink: \d+ messages? caught/m);
        return "its own sink has caught it";
    });

    way("2. it is named as production's namespace", () =>
        refused({ "target.namespace": "production" }, /target\.namespace is "production", which is production's own/),
    );

    way("3. production's own server is brought as the replica's", () =>
        refused(
            {
                "database.server": { host: "database.production.svc", passwordSecret: "integration" },
                "database.volume": undefined,
            },
            /database\.production\.svc[^.]*production[^:]*/,
        ),
    );

    way("4. another stack's replica is in the namespace", () =>
        refused({ "target.namespace": "kube-public" }, /Namespace kube-public is there already[^:]*/),
    );

    way("5. production's passwords open the copy", async () => {
        const query = "select rolpassword from pg_authid where rolpassword is not null order by 1";
        const [theirs, ours] = await Promise.all([
            stage.sql("production", "postgres", query),
            stage.sql(stage.namespace, "postgres", query),
        ]);
        expect(ours.split("\n").filter((hash) => theirs.split("\n").includes(hash))).toEqual([]);
        return "no password of production's is on its server";
    });

    way("6. the copy's password opens production", async () => {
        const query = `const net = require("node:net"); console.log(process.env.PGPASSWORD)`;
        const password = (await within(query)).trim();
        const { items } = await stage.core.listNamespacedSecret({ namespace: "production" });
        const values = items.flatMap(({ data = {} }) => Object.values(data).map((value) => atob(value)));
        expect(password.length).toBeGreaterThan(20);
        expect(values).not.toContain(password);
        return "it is none of production's";
    });

    way("7. its pods hold a token of the cluster", async () => {
        const { items } = await stage.core.listNamespacedPod({ namespace: stage.namespace });
        expect(items.length).toBeGreaterThan(3);
        expect(items.filter(({ spec }) => spec?.automountServiceAccountToken !== false)).toEqual([]);
        return within(
            `console.log(fs.existsSync("/var/run/secrets/kubernetes.io") ? "there is one" : "there is none")`,
        ).then((said) => {
            expect(said.trim()).toBe("there is none");
            return said.trim();
        });
    });

    way("8. its environment names production's database", () =>
        refused(
            { "application.environment": { DATABASE: "postgres://database.production.svc/catalogue" } },
            /application\.environment\.DATABASE names database\.production[^:]*/,
        ),
    );

    way("9. its environment holds a Secret of production's", async () => {
        const { data = {} } = await stage.core.readNamespacedSecret({ name: "database", namespace: "production" });
        const secret = atob(Object.values(data)[0] ?? "");
        const said = await refused(
            { "application.environment": { BROKER: `amqp://catalogue:${secret}@broker/catalogue` } },
            /application\.environment\.BROKER holds what production's Secret database has under [^:]*/,
        );
        expect(said).not.toContain(secret);
        return said;
    });

    way("10. an allow-list lets production in", () =>
        refused(
            { "isolation.allow": [{ namespace: "production" }] },
            /isolation\.allow\.0\.namespace is "production"[^:]*/,
        ),
    );

    way("11. it speaks to the whole world", async () => {
        const { NetworkingV1Api } = await import("@kubernetes/client-node");
        const api = stage.config.makeApiClient(NetworkingV1Api);
        const { items } = await api.listNamespacedNetworkPolicy({ namespace: stage.namespace });
        const all = items.find(({ metadata }) => metadata?.name === "default-deny");
        expect(all?.spec).toMatchObject({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
        const world = items.flatMap(({ spec }) => spec?.egress ?? []).flatMap(({ to = [{}] }) => to);
        expect(world.filter(({ ipBlock, ...more }) => ipBlock !== undefined || Object.keys(more).length === 0)).toEqual(
            [],
        );
        return `${items.length} policies let nothing out of the namespace but questions for names`;
    });

    way("12. its rows lead to production", async () => {
        expect(await setting("site.url")).toBe("https://replica.example.org/catalogue");
        return "the address is the replica's";
    });

    way("13. it holds production's credentials for another service", async () => {
        expect(await setting("oauth.secret")).toBe("none");
        return "the row says none";
    });

    way("14. people's sessions of production go on in it", async () => {
        expect(await inCopy("select count(*) from uploads")).toBe("0");
        return "the table is empty";
    });

    way("15. its new rows get numbers that production gives as well", async () => {
        const next = await inCopy("select nextval(pg_get_serial_sequence('packages', 'id'))");
        expect(Number(next)).toBeGreaterThanOrEqual(1_000_000);
        return `the next package is number ${next}`;
    });

    way("16. it shows people's data", async () => {
        const titles = "select bool_and(title ~ '^[0-9a-f]{32}$') from sections";
        expect(await inCopy(titles)).toBe("t");
        return "they are masked, and a column that nobody has looked at would have stopped the refresh";
    });

    way("17. it goes on with what production has queued", async () => {
        const keys = await stage.execute(stage.namespace, "app.kubernetes.io/name=redis", ["redis-cli", "dbsize"]);
        expect(keys).toMatch(/\b0\b/);
        return "the queue begins empty";
    });

    way("18. search engines show it", async () => {
        const answer = await fetch(url("/"));
        expect(answer.headers.get("x-robots-tag")).toMatch(/noindex/);
        expect(await (await fetch(url("/robots.txt"))).text()).toMatch(/Disallow: \//);
        return "every answer says noindex";
    });

    way("19. people take its pages for production's", async () => {
        const page = await (await fetch(url("/"))).text();
        expect(page).toMatch(/Copy of production: scenario &#183; data of /);
        return "a bar says whose copy it is, and from when";
    });

    way("20. it answers at production's address", () =>
        refused(
            { "application.ingress": { host: "production.example.org" } },
            /application\.ingress\.host is "?production\.example\.org"?[^:]*/,
        ),
    );

    way("21. it writes into production's stores", async () => {
        const { items } = await stage.core.listNamespacedPod({ namespace: stage.namespace });
        const writable = items.flatMap(({ metadata, spec }) =>
            (spec?.volumes ?? [])
                .filter(
                    ({ persistentVolumeClaim: claim }) =>
                        claim?.claimName.startsWith("source-") && claim.readOnly !== true,
                )
                .map(() => metadata?.name),
        );
        expect(writable).toEqual([]);
        return "they are mounted read-only";
    });

    way("22. a candidate's pods of before write into the next copy", async () => {
        const [former, current] = await Promise.all([
            stage.sql(
                stage.namespace,
                "postgres",
                "select count(*) from pg_roles where rolcanlogin and rolname like 'catalogue\\_\\_%'",
            ),
            stage.sql(
                stage.namespace,
                "postgres",
                `select count(*) from pg_roles where rolcanlogin and rolname like 'catalogue\\_\\_%'
                  and has_database_privilege(rolname, 'catalogue', 'connect')`,
            ),
        ]);
        expect(Number(former)).toBeGreaterThanOrEqual(1);
        expect(current).toBe("1");
        return "only its own copy's role may connect";
    });
});
