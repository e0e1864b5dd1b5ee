import { createHash, randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type Audit, auditInto } from "./audit";
import type { Database } from "./database";
import { formOf } from "./form";
import type { Html } from "./html";
import { mailSettings, sendPackage } from "./mail";
import * as packages from "./packages";
import { detailPage } from "./pages/detail";
import { layout } from "./pages/layout";
import { heading, listPage } from "./pages/list";
import { messagePage } from "./pages/message";
import { style } from "./pages/style";
import { packageAddress } from "./pages/wording";
import * as pictures from "./pictures";
import type { Settings } from "./settings";

/** What is sent back. */
export interface Answer {
    status: number;
    headers: Record<string, string>;
    body: string | Buffer;
}

/** Everything that the pages are made from. */
export interface House {
    settings: Settings;
    database: Database;
    audit: Audit;
}

/** The house that the settings describe; the audit database is a second one on the same server. */
export function house(settings: Settings, database: Database, auditDatabase: Database | undefined): House {
    return { settings, database, audit: auditInto(auditDatabase) };
}

/** Answers one request. */
export async function answer(house: House, request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? "/", "http://catalogue");
    const [room = "", name = "", action = ""] = url.pathname.slice(1).split("/").map(decoded);
    if (request.method === "POST") return change(house, request, { room, name, action });
    if (request.method !== "GET" && request.method !== "HEAD") return page(house, 405, notUnderstood);
    if (url.pathname === "/") return list(house, url.searchParams);
    if (url.pathname === "/health") return health(house);
    if (url.pathname === "/style.css") return { status: 200, headers: { "content-type": "text/css" }, body: style };
    if (room === "media") return picture(house, decoded(url.pathname.slice("/media/".length)), request);
    if (room === "sections" && action === "emblem.png") return emblem(house, name, request);
    if (room === "packages" && name && !action) return detail(house, name);
    return missing(house);
}

async function list(house: House, query: URLSearchParams): Promise<Answer> {
    const search = {
        text: (query.get("q") ?? "").trim().slice(0, 200),
        section: query.get("section") ?? "",
        page: Math.min(Math.max(1, Math.trunc(Number(query.get("page"))) || 1), 100_000),
    };
    const [found, sections] = await Promise.all([
        packages.findPackages(house.database, search),
        packages.sections(house.database),
    ]);
    const title = heading(search, sections);
    return page(house, 200, { title, body: listPage(search, found, sections), search: search.text });
}

async function detail(house: House, name: string): Promise<Answer> {
    const found = await packages.findPackage(house.database, name);
    if (!found) return missing(house);
    const dependencies = await packages.dependenciesOf(house.database, found.id);
    return page(house, 200, { title: found.name, body: detailPage(found, dependencies) });
}

async function health(house: House): Promise<Answer> {
    const [database, media] = await Promise.all([
        house.database.query("select 1 from sections limit 1").then(
            (rows) => rows.length > 0,
            () => false,
        ),
        pictures.mediaReachable(house.settings.mediaRoot),
    ]);
    const body = JSON.stringify({ database: database ? "reachable" : "away", media: media ? "reachable" : "away" });
    return { status: database && media ? 200 : 503, headers: { "content-type": "application/json" }, body };
}

async function picture(house: House, path: string, request: IncomingMessage): Promise<Answer> {
    const found = await pictures.readPicture(house.settings.mediaRoot, path);
    return found ? cacheable(request, found) : missing(house);
}

async function emblem(house: House, section: string, request: IncomingMessage): Promise<Answer> {
    const content = await packages.emblem(house.database, section);
    if (!content) return missing(house);
    const etag = `"${createHash("sha256").update(content).digest("hex").slice(0, 16)}"`;
    return cacheable(request, { content, contentType: "image/png", etag });
}

/** Pictures may change under their address, so a browser asks every time and is told when nothing changed. */
function cacheable(request: IncomingMessage, found: pictures.Picture): Answer {
    const headers = { etag: found.etag, "cache-control": "no-cache", "content-type": found.contentType };
    if (request.headers["if-none-match"] === found.etag) return { status: 304, headers, body: "" };
    return { status: 200, headers, body: found.content };
}

async function change(
    house: House,
    request: IncomingMessage,
    target: { room: string; name: string; action: string },
): Promise<Answer> {
    if (request.headers["sec-fetch-site"] === "cross-site") return page(house, 403, notUnderstood);
    const found = target.room === "packages" && (await packages.findPackage(house.database, target.name));
    const work = changes.get(target.action);
    if (!found || !work) return missing(house);
    const form = await formOf(request, pictures.largestUpload + 10_000);
    if (!form) return page(house, 400, notUnderstood);
    const problem = await work(house, found, form);
    const title = target.action === "mail" ? "Not sent" : "Not saved";
    if (problem) return page(house, 400, { title, body: messagePage(title, problem) });
    return { status: 303, headers: { location: packageAddress(found.name) }, body: "" };
}

async function note(house: House, found: packages.Package, form: FormData): Promise<string | undefined> {
    const text = String(form.get("text") ?? "").trim();
    if (text.length > 2000) return "The note is longer than 2,000 characters: shorten it.";
    if (text.includes("\0")) return "The note holds a character that cannot be stored: remove it.";
    await packages.writeNote(house.database, found.id, text);
    await house.audit("note.written", found.name, { characters: text.length });
    return undefined;
}

async function upload(house: House, found: packages.Package, form: FormData): Promise<string | undefined> {
    const file = form.get("picture");
    const content = file && typeof file === "object" ? Buffer.from(await file.arrayBuffer()) : Buffer.alloc(0);
    const problem = pictures.rejection(content);
    if (problem) return problem;
    const stored = await pictures.storePicture(house.settings.mediaRoot, found.name, content);
    const record = { key: randomUUID(), packageId: found.id, bytes: content.length, ...stored };
    await packages.recordUpload(house.database, record);
    await house.audit("picture.uploaded", found.name, { bytes: record.bytes, sha256: record.sha256 });
    return undefined;
}

async function send(house: House, found: packages.Package, form: FormData): Promise<string | undefined> {
    const to = String(form.get("to") ?? "").trim();
    if (!/^[^\s@,<>]+@[^\s@,<>]+$/.test(to)) return "That is no address: write one such as anna@example.org.";
    const settings = await mailSettings(house.database);
    try {
        await sendPackage(settings, house.settings.mailServer, found, to);
    } catch (error) {
        return `The mail server did not take it: ${error instanceof Error ? error.message : error}`;
    }
    await house.audit("package.sent", found.name, {});
    return undefined;
}

/** What a form can ask for, by the end of its address. Each returns a sentence if it is not to be. */
const changes = new Map([
    ["note", note],
    ["picture", upload],
    ["mail", send],
]);

const notUnderstood = {
    title: "Not understood",
    body: messagePage("Not understood", "The catalogue has no answer to a request of this kind."),
};

function missing(house: House): Answer {
    const body = messagePage("Not found", "There is nothing under this address.");
    return page(house, 404, { title: "Not found", body });
}

function page(house: House, status: number, content: { title: string; body: Html; search?: string }): Answer {
    const body = layout({ ...content, replica: house.settings.replica }).markup;
    return { status, headers: { "content-type": "text/html; charset=utf-8" }, body };
}

function decoded(text: string): string {
    try {
        return decodeURIComponent(text);
    } catch {
        return "";
    }
}
