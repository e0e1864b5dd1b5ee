/**
 * A stand-in for Mailpit on machines that cannot have its image. It takes mail, keeps it in memory, passes it on as
 * Mailpit's variables say, and answers those of its calls that understudy makes.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import { configurationFrom } from "./configuration";
import { type Kept, listOf, pageOf, read } from "./mailbox";
import { passOn } from "./pass";

const configuration = configurationFrom(process.env);
const { smtp, http, keep, isVerbose, letsIn } = configuration;
let kept: Kept[] = [];

async function take(stream: SMTPServerDataStream, { envelope }: SMTPServerSession): Promise<void> {
    const message = {
        from: envelope.mailFrom === false ? "" : envelope.mailFrom.address,
        recipients: envelope.rcptTo.map(({ address }) => address),
        raw: await buffer(stream),
    };
    await passOn(configuration, message);
    const one = await read(message);
    kept = [one, ...kept].slice(0, keep);
    if (isVerbose) {
        console.log(`received from:${message.from} to:${message.recipients} subject:${JSON.stringify(one.Subject)}`);
    }
}

function answer({ url = "/" }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, "http://mail");
    const one = kept.find(({ ID }) => pathname === `/api/v1/message/${ID}`);
    if (pathname === "/readyz" || pathname === "/livez") {
        response.end("ok");
    } else if (pathname === "/api/v1/messages") {
        response.end(JSON.stringify(listOf(kept, Number(searchParams.get("limit") ?? 50))));
    } else if (one !== undefined) {
        response.end(JSON.stringify(one));
    } else if (pathname === "/") {
        response.setHeader("content-type", "text/html; charset=utf-8").end(pageOf(kept));
    } else {
        response.writeHead(404).end();
    }
}

const server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    disabledCommands: letsIn ? ["STARTTLS"] : ["STARTTLS", "AUTH"],
    disableReverseLookup: true,
    onAuth: ({ username }, _, done) => done(null, { user: username ?? "" }),
    onData: (stream, session, done) => void take(stream, session).then(() => done(), done),
});
// A client that goes away is nobody's failure.
server.on("error", (error) => console.error(error.message));
server.listen(smtp.port, smtp.host);
const pages = createServer(answer).listen(http.port, http.host, () =>
    console.log(`A stand-in for Mailpit takes mail at port ${smtp.port}, and tells of it at ${http.port}.`),
);
process.once("SIGTERM", () => {
    pages.close();
    server.close();
});
