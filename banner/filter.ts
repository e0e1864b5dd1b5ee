/**
 * What nginx runs on every answer of the application, in njs: JavaScript that knows no destructuring, no spread and no
 * classes. It finds where the body of an HTML page begins, as a browser does, and puts the bar there while the page
 * passes through; everything else passes as it is.
 */

/** What nginx tells of a request and its answer, as far as it is used here. */
interface Exchange {
    status: number;
    headersIn: Record<string, string | undefined>;
    headersOut: Record<string, string | undefined>;
    sendBuffer(data: Buffer, flags: { last: boolean; flush?: boolean }): void;
    done(): void;
}

/** Markup of the bar: before the tag of the body, where it still belongs to the head, and right after it. */
export interface Bar {
    head: string;
    body: string;
}

/** The bar's markup, which the file begins with in nginx. */
declare const bar: Bar;

/** How far a page is read. */
export interface Reading {
    /** Whether it is a whole page, and no piece that a script puts into one. */
    isPage: boolean;
    /** Whether the head has ended, behind which some of its elements may still come. */
    isPastHead: boolean;
    /** End of the comment or raw text that is being passed through; empty outside of one. */
    until: string;
    /** What has come but cannot be told from the beginning of something else yet. */
    held: Buffer;
    /** Whether the rest passes as it is. */
    isDone: boolean;
}

/** Pages inside of a page have no bar of their own. */
const framed = ["iframe", "frame", "embed", "object"];

/** Elements of the head whose content is text, whatever it looks like. */
const raw = ["title", "script", "style", "noscript", "template", "noframes"];

/** Elements of the head without content, and the tags around it. */
const passed = ["html", "head", "meta", "link", "base", "basefont", "bgsound"];

/** The most that is held back. A tag is never as long. */
const most = 65536;

// One request after another: each begins with its header.
let reading: Reading | undefined;

/** Looks at an answer's header, and takes away what holds no longer for a page with a bar. */
function header(exchange: Exchange): void {
    reading = undefined;
    if (!isPage(exchange)) {
        return;
    }
    const fields = exchange.headersOut;
    reading = begin(exchange.headersIn["Sec-Fetch-Dest"] === "document");
    delete fields["Content-Length"];
    // A page that was kept would go on saying of which backup it is, while its scripts fetch newer data.
    delete fields.ETag;
    delete fields["Last-Modified"];
    delete fields["Accept-Ranges"];
    delete fields.Expires;
    if (!/no-store/i.test(fields["Cache-Control"] || "")) {
        fields["Cache-Control"] = "no-cache";
    }
}

/** Whether an answer is what a browser shows as a page. */
function isPage(exchange: Exchange): boolean {
    const fields = exchange.headersOut;
    const status = exchange.status;
    return (
        /^text\/html\b/i.test(fields["Content-Type"] || "") &&
        fields["Content-Encoding"] === undefined &&
        !/^\s*attachment/i.test(fields["Content-Disposition"] || "") &&
        framed.indexOf(exchange.headersIn["Sec-Fetch-Dest"] || "") < 0 &&
        status >= 200 &&
        status !== 204 &&
        status !== 206 &&
        (status < 300 || status >= 400)
    );
}

/** Passes a piece of an answer on. */
function body(exchange: Exchange, data: Buffer, flags: { last: boolean }): void {
    const sent = reading === undefined ? data : Buffer.concat(advance(reading, data, flags.last, bar));
    // It would else wait for more, as what is compressed does.
    exchange.sendBuffer(sent, { last: flags.last, flush: true });
    if (reading === undefined || reading.isDone) {
        exchange.done();
    }
}

function begin(isPage: boolean): Reading {
    return { isPage: isPage, isPastHead: false, until: "", held: Buffer.from(""), isDone: false };
}

/** Reads on, and tells what can be sent by now. */
function advance(page: Reading, chunk: Buffer, isLast: boolean, bar: Bar): Buffer[] {
    const data = Buffer.concat([page.held, chunk]);
    const at = page.isDone ? data.length : walk(page, data);
    if (page.isDone) {
        return at < data.length ? insert(data, at, bar) : [data];
    }
    if (isLast || data.length - at > most) {
        page.isDone = true;
        // Nothing came that would have begun the body.
        return page.isPage && isLast ? [data, Buffer.from(bar.head + bar.body)] : [data];
    }
    page.held = data.slice(at);
    return [data.slice(0, at)];
}

/** The page with the bar, where its body begins: with a tag, or without. */
function insert(data: Buffer, at: number, bar: Bar): Buffer[] {
    const end = nameAt(data, at + 1) === "body" ? tagEnd(data, at) : at;
    return [data.slice(0, at), Buffer.from(bar.head), data.slice(at, end), Buffer.from(bar.body), data.slice(end)];
}

/**
 * Walks over what belongs to the head.
 *
 * @returns where the body begins, when that is found and the reading done; all of the length, if there is to be no bar;
 *     else from where on more is needed.
 */
function walk(page: Reading, data: Buffer): number {
    let at = 0;
    for (;;) {
        if (page.until !== "") {
            const found = find(data, page.until, at);
            if (found < 0) {
                return Math.max(at, data.length - page.until.length + 1);
            }
            // The tag at the end of raw text is passed like any other.
            at = page.until.charAt(0) === "<" ? found : found + page.until.length;
            page.until = "";
        }
        at = pastSpace(data, at);
        const next = step(page, data, at);
        if (page.isDone || next < 0) {
            return page.isDone && next < 0 ? data.length : at;
        }
        at = next;
    }
}

/** Walks over one comment, declaration or tag. Less than 0: there is not enough, or nothing more to do. */
function step(page: Reading, data: Buffer, at: number): number {
    const first = data[at];
    const second = data[at + 1];
    if (data.length < at + (first === 0xef ? 3 : first === 0x3c ? 2 : 1)) {
        return -1;
    }
    if (first !== 0x3c) {
        return here(page, at);
    }
    if (second === 0x21 || second === 0x3f) {
        return declaration(page, data, at);
    }
    const isEnd = second === 0x2f;
    const name = nameAt(data, isEnd ? at + 2 : at + 1);
    if (name === undefined) {
        return -1;
    }
    if (name === "frameset") {
        page.isDone = true;
        return -1;
    }
    const end = tagEnd(data, at);
    if (end < 0) {
        return -1;
    }
    page.isPage = page.isPage || name === "html" || name === "head" || name === "body";
    page.isPastHead = page.isPastHead || (isEnd && name === "head");
    if (isEnd ? name === "body" || name === "html" : !isOfHead(page, name)) {
        return here(page, at);
    }
    if (!isEnd && raw.indexOf(name) >= 0) {
        page.until = `</${name}`;
    }
    return end;
}

/** Whether an element that begins here does not begin the body. */
function isOfHead(page: Reading, name: string): boolean {
    return passed.indexOf(name) >= 0 || (raw.indexOf(name) >= 0 && !(page.isPastHead && name === "noscript"));
}

/** The body begins here, unless this is a piece of a page. */
function here(page: Reading, at: number): number {
    page.isDone = true;
    return page.isPage ? at : -1;
}

/** Walks over a comment, a document type or a processing instruction. */
function declaration(page: Reading, data: Buffer, at: number): number {
    if (data.length < at + 9) {
        return -1;
    }
    page.isPage = page.isPage || find(data.slice(at, at + 9), "<!doctype", 0) === 0;
    const isComment = data[at + 2] === 0x2d && data[at + 3] === 0x2d;
    page.until = isComment ? "-->" : ">";
    return at + 2;
}

/** Lower-case name of a tag; undefined if it may go on. */
function nameAt(data: Buffer, start: number): string | undefined {
    for (let at = start; at < data.length; at++) {
        const byte = data[at] as number;
        if (isSpace(byte) || byte === 0x2f || byte === 0x3e) {
            return data.slice(start, at).toString().toLowerCase();
        }
    }
    return undefined;
}

/** Where a tag ends, which may have `>` in the quotes of a value; less than 0 if it goes on. */
function tagEnd(data: Buffer, start: number): number {
    let quote = 0;
    let former = 0;
    for (let at = start; at < data.length; at++) {
        const byte = data[at] as number;
        if (quote !== 0) {
            quote = byte === quote ? 0 : quote;
        } else if (byte === 0x3e) {
            return at + 1;
        } else if (former === 0x3d && (byte === 0x22 || byte === 0x27)) {
            quote = byte;
        }
        former = isSpace(byte) ? former : byte;
    }
    return -1;
}

/** Where a text of ASCII in lower case stands, whatever case it is in. */
function find(data: Buffer, text: string, from: number): number {
    const first = text.charAt(0);
    for (let at = data.indexOf(first, from); at >= 0; at = data.indexOf(first, at + 1)) {
        if (
            data
                .slice(at, at + text.length)
                .toString()
                .toLowerCase() === text
        ) {
            return at;
        }
    }
    return -1;
}

function isSpace(byte: number): boolean {
    return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

/** Past white space, and past the mark of the byte order that a file may begin with. */
function pastSpace(data: Buffer, start: number): number {
    let at = start;
    for (;;) {
        if (isSpace(data[at] as number)) {
            at += 1;
        } else if (data[at] === 0xef && data[at + 1] === 0xbb && data[at + 2] === 0xbf) {
            at += 3;
        } else {
            return at;
        }
    }
}

export default { header: header, body: body, begin: begin, advance: advance };
