/** The catalogue's web server. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { openDatabase } from "./database";
import { settingsFrom } from "./settings";
import { type Answer, answer, type House, house } from "./site";

const headers = {
    "content-security-policy": "default-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
};

/** Starts the server; it stops, requests in flight answered, on SIGTERM. */
function main(): void {
    const settings = settingsFrom(process.env);
    const database = openDatabase();
    const audit = settings.auditDatabase ? openDatabase({ database: settings.auditDatabase, max: 2 }) : undefined;
    const rooms = house(settings, database, audit);
    const server = createServer((request, response) => void respond(rooms, request, response));
    server.listen(settings.port, () => console.log(`The catalogue listens on port ${settings.port}.`));
    process.once("SIGTERM", () => {
        server.close(() => void Promise.all([database.close(), audit?.close()]));
        server.closeIdleConnections();
    });
}

async function respond(house: House, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const given = await answer(house, request).catch((error: unknown) => failure(request, error));
    // Whatever of the request was not read would be taken for the next one.
    if (!request.complete) response.setHeader("connection", "close");
    response.writeHead(given.status, { ...headers, ...given.headers });
    response.end(request.method === "HEAD" ? undefined : given.body);
}

function failure(request: IncomingMessage, error: unknown): Answer {
    console.error(`${request.method} ${request.url} failed: ${error instanceof Error ? error.message : error}`);
    return {
        status: 503,
        headers: { "content-type": "text/plain; charset=utf-8", "retry-after": "1" },
        body: "The catalogue is away for a moment. Please try again.\n",
    };
}

main();
