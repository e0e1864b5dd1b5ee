import yaml from "js-yaml";
import { expect, test } from "vitest";
import { linesIn } from "../../../agent/configuration/scan";
import { composeFile, readme, valuesInBundle } from "../../../cli/compose";
import { configurationOf } from "../../../components/hosts/files";
import { generationsOf } from "../../../components/hosts/generations";
import { targetPlan } from "../../../components/hosts/plan";
import { hostPreviewRows } from "../../../preview/hosts";
import { type HostSettings, parseHosts } from "../../../settings/hosts";
import { rendered, valuesOf } from "../../../settings/hosts/files";

const ssh = { host: "db01.example.org", user: "backup", knownHosts: "db01.example.org ssh-ed25519 AAAAC3Nza" };
const folder = { name: "code", from: { host: "production", folder: "/srv/code" }, to: "/srv/staging/code", group: 33 };
const file = { host: "staging", path: "/srv/staging/code/current/settings.php", template: "test/hosts/bundle.tpl" };

function parsed(change: Record<string, unknown> = {}) {
    const written = {
        hosts: { production: { ssh }, staging: { ssh: { ...ssh, host: "db02.example.org" } } },
        source: { database: { host: "production" }, media: { host: "production", folder: "/srv/data" } },
        target: { host: "staging", login: { user: "shop_app", password: "a password" }, media: "/srv/staging/data" },
        database: { name: "shop", owner: "shop" },
        media: { group: 33 },
        folders: [folder],
        secrets: { elgg: { token: "a token" } },
        files: [file],
        ...change,
    };
    return parseHosts(written, () => undefined);
}
const settingsOf = (change?: Record<string, unknown>) => {
    const { settings, problems } = parsed(change);
    expect(problems).toEqual([]);
    return settings as HostSettings;
};

interface Compose {
    services: Record<
        string,
        {
            image: string;
            environment?: Record<string, string>;
            ports: string[];
            healthcheck?: { test: string[] };
            depends_on?: unknown;
        }
    >;
}

test.each([
    [{ folders: [folder, folder] }, "folders holds code a second time"],
    [{ folders: [{ ...folder, name: "media" }] }, "folders holds media, which is what target.media is called"],
    [{ folders: [{ ...folder, to: "/srv/staging/data" }] }, "/srv/staging/data is to hold the copies of two folders"],
    [{ folders: [{ ...folder, from: { host: "elsewhere", folder: "/srv" } }] }, 'folders.0.from.host is "elsewhere"'],
    [{ folders: [{ ...folder, from: "srv" }] }, 'folders.0.from is "srv": write an absolute path'],
    [
        { folders: [{ ...folder, permissions: { files: "rw", folders: "2750" } }] },
        "write permissions as chmod takes them",
    ],
    [{ media: { mode: "share-read-only" } }, "source.media is on another host, and media.mode is share-read-only"],
    [{ files: [{ ...file, host: "elsewhere" }] }, 'files.0.host is "elsewhere"'],
    [{ files: [file, file] }, "files holds /srv/staging/code/current/settings.php on staging a second time"],
    [{ files: [{ ...file, template: "missing.tpl" }] }, "missing.tpl cannot be read (ENOENT)"],
    [{ secrets: {} }, "names secrets.elgg.token in line 4, which nobody knows: write one of database.host, "],
    [{ forbidden: { texts: ["production"], folders: ["cod"] } }, "forbidden.folders holds cod, which is no folder"],
    [{ bundle: { image: "elgg", folders: { cod: "/srv" } } }, "bundle.folders has cod, which is no folder"],
])("a stack file with %j is refused", (change, problem) => {
    expect(parsed(change).problems.join("\n")).toContain(problem);
});

test("a template has the replica's values, and in a bundle the developer's", () => {
    const text = "{{database.name}} {{ database.password }} {{media}} {{folders.code}} {{secrets.elgg.token}} { {x} }";
    const settings = settingsOf();
    expect(rendered(text, valuesOf(settings))).toBe(
        "shop a password /srv/staging/data/current /srv/staging/code/current a token { {x} }",
    );
    expect(rendered(text, valuesInBundle(settings))).toBe("shop developer /media /code developer { {x} }");
});

test("a file of a live copy is written into the copy that becomes the live one", () => {
    const settings = settingsOf();
    const [{ plan } = { plan: undefined }] = configurationOf(settings).files;
    const path = `/srv/staging/code/generations/${generationsOf(settings).folders.code}/settings.php`;
    expect(plan?.files).toMatchObject([{ path, inCopy: true, mode: 0o600 }]);
    const elsewhere = configurationOf(settingsOf({ files: [{ ...file, path: "/etc/settings.php" }] }));
    expect(elsewhere.files[0]?.plan.files).toMatchObject([{ path: "/etc/settings.php", inCopy: false }]);
});

test("what shapes a folder's copy makes another one of it alone", () => {
    const before = generationsOf(settingsOf());
    for (const change of [{ user: 34 }, { group: 34 }, { exclude: ["cache"] }, { refresh: "2" }]) {
        const after = generationsOf(settingsOf({ folders: [{ ...folder, ...change }] }));
        expect(after.folders.code, JSON.stringify(change)).not.toBe(before.folders.code);
        expect({ ...after, folders: before.folders }).toEqual(before);
    }
    const { folders } = targetPlan(settingsOf(), "understudy/staging");
    expect(folders).toMatchObject([{ name: "code", media: { volume: "/srv/staging/code", linked: true } }]);
});

test("a preview tells what is copied from where, and what is written", () => {
    const rows = hostPreviewRows(settingsOf(), { problems: [] });
    expect(rows).toContainEqual(["media", "copied from /srv/data on production to /srv/staging/data on staging"]);
    expect(rows).toContainEqual(["folder code", "copied from /srv/code on production to /srv/staging/code on staging"]);
    expect(rows).toContainEqual([
        "written",
        "/srv/staging/code/current/settings.php on staging, from test/hosts/bundle.tpl",
    ]);
});

test("a bundle without an image is its database alone", () => {
    expect(composeFile(settingsOf(), "15.20", [])).not.toContain("application");
    expect(composeFile(settingsOf({ bundle: { image: "elgg" } }), "15.20", ["/etc/a"])).toContain(
        "./configuration/etc/a:/etc/a:ro",
    );
});

test.each([
    ["postgres", "15.20 (Debian 15.20-0+deb12u1)", "postgres:15", "POSTGRES", "15432:5432"],
    ["mysql", "10.11.19-MariaDB-0+deb12u1-log", "mariadb:10.11", "MARIADB", "13306:3306"],
    ["mysql", "8.0.36-28", "mysql:8.0", "MYSQL", "13306:3306"],
    ["mysql", "8.4.3", "mysql:8.4", "MYSQL", "13306:3306"],
])("a bundle of %s %s starts the server's own kind and version", (engine, version, image, variables, ports) => {
    const settings = settingsOf({
        database: { engine, name: "shop", ...(engine === "postgres" && { owner: "shop" }) },
        bundle: { image: "elgg" },
    });
    const { database, application } = (yaml.load(composeFile(settings, version, [])) as Compose).services;
    expect(database?.image).toBe(image);
    expect(Object.keys(database?.environment ?? {}).every((name) => name.startsWith(`${variables}_`))).toBe(true);
    expect(Object.values(database?.environment ?? {})).toContain("developer");
    expect(database?.ports).toEqual([`127.0.0.1:${ports}`]);
    expect(database?.healthcheck?.test.join(" ")).toContain("--host=127.0.0.1");
    expect(application?.depends_on).toEqual({ database: { condition: "service_healthy" } });
    const [outside, inside] = ports.split(":");
    expect(valuesInBundle(settings).get("database.port")).toBe(inside);
    const about = { stack: "staging", generation: "0a1b2c3d4e", stamp: "now", made: "today" };
    expect(readme(settings, about)).toContain(`localhost:${outside}, user and password`);
});

test("a text is found with its line wherever a piece ends", async () => {
    const text = Buffer.from("one\ntwo\nthree forbidden\nfour\nforbidden");
    for (let size = 1; size <= text.length; size++) {
        const pieces = async function* () {
            for (let at = 0; at < text.length; at += size) {
                yield text.subarray(at, at + size);
            }
        };
        expect(await linesIn(pieces(), [Buffer.from("forbidden")]), `pieces of ${size}`).toEqual([3, 5]);
    }
});
