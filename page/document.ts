/** The page that tells how the replicas are: one file that asks for nothing else. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { formatAge } from "../agent/report";
import type { Standing } from "../cli/overview";
import { html, Markup } from "./markup";
import { anchorOf, flagsOf, sectionOf, stateOf } from "./stack";
import { time } from "./words";

/** The page about these stacks, as they were at this time. */
export function pageOf(standings: Standing[], now: number): string {
    const style = read(require.resolve("uplot/dist/uPlot.min.css")) + read(path.join(__dirname, "style.css"));
    const script = scriptOf();
    const policy = `default-src 'none'; style-src '${digest(style)}'; script-src '${digest(script)}'; base-uri 'none'; form-action 'none'`;
    return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Replicas</title>
<style>${new Markup(style)}</style>
</head>
<body>
<header>
<h1>Replicas</h1>
<p>As they were ${time(new Date(now).toISOString())}.</p>
</header>
<main>
<table class="overview">
<caption>All stacks</caption>
<thead><tr><th scope="col">Stack</th><th scope="col">State</th><th scope="col">Age</th><th scope="col">To be known</th></tr></thead>
<tbody>
${standings.map((one) => lineOf(one, now))}</tbody>
</table>
${standings.map((one) => sectionOf(one, now))}</main>
<script>${new Markup(script)}</script>
</body>
</html>
`.text;
}

function lineOf(standing: Standing, now: number): Markup {
    const { stack, age } = standing;
    return html`<tr><th scope="row"><a href="#${anchorOf(standing)}">${stack}</a></th><td>${stateOf(standing)}</td><td>${
        age === null ? "–" : formatAge(age)
    }</td><td>${flagsOf(standing, now).join(", ")}</td></tr>
`;
}

/** The library for plots with its notice, and what draws with it. */
function scriptOf(): string {
    const plain = require.resolve("uplot/dist/uPlot.iife.min.js");
    const licence = read(path.join(path.dirname(plain), "../LICENSE"));
    return `/*!\n${licence}*/\n${read(plain)}\n${read(path.join(__dirname, "plots.js"))}`;
}

function read(file: string): string {
    return readFileSync(file, "utf8");
}

function digest(text: string): string {
    return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
