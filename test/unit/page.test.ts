import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { writePage } from "../../cli/page";
import { pageOf } from "../../page/document";
import { metricNames, metricsOf } from "../../page/metrics";
import { hostile, hostileReplica, nights, now, replica, standings } from "../page/standings";

interface Sample {
    name: string;
    labels: Record<string, string>;
    value: number;
}

/** Reads Prometheus' text format, and nothing that is only like it. */
function samplesIn(text: string): Sample[] {
    expect(text).toMatch(/\n$/);
    const samples: Sample[] = [];
    let [helped, typed] = ["", ""];
    const begun = new Set<string>();
    for (const line of text.slice(0, -1).split("\n")) {
        const help = /^# HELP ([a-z_]+) [^\\\n]+$/.exec(line)?.[1];
        const type = /^# TYPE ([a-z_]+) gauge$/.exec(line)?.[1];
        if (help !== undefined) {
            expect(begun.has(help), help).toBe(false);
            begun.add(help);
            helped = help;
        } else if (type !== undefined) {
            expect(type).toBe(helped);
            typed = type;
        } else {
            const pair = '([a-z]+)="((?:[^"\\\\\\n]|\\\\[\\\\n"])*)"';
            const [, name = "", labels = "", value = ""] =
                new RegExp(`^([a-z_]+)\\{(${pair}(?:,${pair})*)\\} (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`)
                    .exec(line)
                    ?.toSpliced(3, 4) ?? [];
            expect(name, line).toBe(typed);
            const pairs = [...labels.matchAll(new RegExp(pair, "g"))].map(([, key = "", escaped = ""]) => [
                key,
                escaped.replace(/\\(.)/g, (_, one) => (one === "n" ? "\n" : one)),
            ]);
            samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
        }
    }
    return samples;
}

/** The figures of a stack, by the ends of their names. */
function figuresOf(stack: string): Record<string, number> {
    const own = samplesIn(metricsOf(standings, now)).filter(({ labels }) => labels.stack === stack);
    return Object.fromEntries(own.map(({ name, value }) => [name.replace("understudy_", ""), value]));
}

describe("metrics", () => {
    it("have the figures of a replica, in base units", () => {
        const history = nights(40);
        expect(figuresOf("dev-alan")).toEqual({
            ...{ replica_up: 1, backup_age_seconds: 86_400, held: 1, stale: 1, tag_differs: 1, newer_backup: 1 },
            copy_age_seconds: (now - Date.parse(history[39]?.switched ?? "")) / 1000,
            ...{ refresh_seconds: history[39]?.seconds, away_seconds: 0.012, rows: 417_873 },
            ...{ database_bytes: 90_636_288, media_bytes: 9_147_187 },
            expires_timestamp_seconds: Date.parse("2026-11-23T00:00:00Z") / 1000,
        });
        expect(figuresOf("demo")).toMatchObject({ held: 0, stale: 0, tag_differs: 0, newer_backup: 0 });
    });

    it("have no figure that nobody knows, and say what does not stand or cannot be read", () => {
        expect(figuresOf("gone")).toEqual({ replica_up: 0, held: 0, stale: 0 });
        expect(figuresOf("out-of-reach")).toEqual({ replica_up: 0 });
        expect(figuresOf("torn")).toEqual({ replica_up: 0 });
        expect(figuresOf("on-hosts")).toEqual({});
        expect(figuresOf("production")).toEqual({});
    });

    it("are each declared once, with a namespace", () => {
        const samples = samplesIn(metricsOf(standings, now));
        expect(new Set(samples.map(({ name }) => name))).toEqual(new Set(metricNames));
        expect(samples.find(({ labels }) => labels.stack === "demo")?.labels.namespace).toBe("replica-demo");
    });

    it("are in the format whatever is in the labels", () => {
        const text = fc.string({
            unit: fc.constantFrom("a", "\n", '"', "\\", "n", "{", "}", ",", "=", " ", "é", "\r"),
        });
        fc.assert(
            fc.property(text, text, (stack, namespace) => {
                const [sample] = samplesIn(metricsOf([replica(stack, { namespace })], now));
                expect(sample?.labels).toEqual({ stack, namespace });
            }),
            { numRuns: 50 },
        );
    });
});

/** What of a page is markup: its tags, with nothing in the quotes. */
const tagsIn = (page: string) =>
    page
        .replace(/<script>.*<\/script>/s, "<script></script>")
        .match(/<[^>]*>?/g)
        ?.map((tag) => tag.replace(/"[^"]*"/g, '""'));

describe("the dashboard", () => {
    const text = readFileSync(path.join(__dirname, "../../examples/grafana/understudy.json"), "utf8");

    it("shows every metric, and none that there is not", () => {
        const { panels } = JSON.parse(text) as { panels: { targets: { expr: string }[] }[] };
        const named = panels.flatMap(({ targets }) =>
            targets.flatMap(({ expr }) => expr.match(/understudy_\w+/g) ?? []),
        );
        expect(new Set(named)).toEqual(new Set(metricNames));
        expect(metricNames).toEqual(expect.arrayContaining(text.match(/understudy_\w+/g) ?? []));
    });

    it("and every metric is in the documentation", () => {
        const documented = readFileSync(path.join(__dirname, "../../docs/page.md"), "utf8").matchAll(
            /^\| `(understudy_\w+)`/gm,
        );
        expect([...documented].map(([, name]) => name)).toEqual(metricNames);
    });
});

describe("the page", () => {
    it("has the same markup whatever the texts are in it", () => {
        const plain = tagsIn(pageOf([hostileReplica("plain")], now));
        const text = fc.oneof(
            fc.string(),
            fc.constantFrom(hostile, "x0", "</style>", "<!--", "]]>", "&lt;", "`${", "'\"><"),
        );
        fc.assert(
            fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (parts) => {
                const page = pageOf([hostileReplica(parts.join(""))], now);
                expect(tagsIn(page)).toEqual(plain);
                expect(page.replace(/<script>.*<\/script>/s, "")).not.toMatch(/[^\P{Cc}\t\n]|[\u202a-\u202e]/u);
            }),
            { numRuns: 60 },
        );
    });

    it("keeps the notice of the library that draws its plots, and asks for nothing else", () => {
        const page = pageOf(standings, now);
        expect(page).toContain("Copyright (c) 2022 Leon Sorokin");
        expect(page).toContain("default-src 'none'".replaceAll("'", "&#39;"));
        expect(page.replace(/<script>.*<\/script>/s, "")).not.toMatch(/(src|href)="(?!#)/);
    });
});

describe("understudy page", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "understudy-page-"));
    afterAll(() => rmSync(folder, { recursive: true }));

    it("writes both files into a folder that it makes, in place of the former ones, and nothing beside", async () => {
        const published = path.join(folder, "a/b");
        await writePage(published, standings, now);
        await writePage(published, [replica("other")], now);
        expect(readdirSync(published).toSorted()).toEqual(["index.html", "metrics.prom"]);
        expect(readFileSync(path.join(published, "index.html"), "utf8")).toBe(pageOf([replica("other")], now));
        expect(readFileSync(path.join(published, "metrics.prom"), "utf8")).toBe(metricsOf([replica("other")], now));
    });

    it("says what to type instead where there is no stack, or no folder", async () => {
        await expect(writePage(path.join(folder, "none"), [], now)).rejects.toThrow(
            "There is no Pulumi.<stack>.yaml in this folder: run understudy page where the stack files are.",
        );
        expect(readdirSync(folder)).not.toContain("none");
        const file = path.join(folder, "file");
        writeFileSync(file, "");
        await expect(writePage(file, standings, now)).rejects.toThrow(
            /file cannot be written to \(EEXIST.*\): write another folder\.$/,
        );
    });
});
