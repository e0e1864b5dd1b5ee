import type { IncomingMessage } from "node:http";

/**
 * The form that a request carries, pictures included.
 *
 * @param limit bytes; a longer request is not read to its end
 * @returns undefined if the request is longer or carries no form
 */
export async function formOf(request: IncomingMessage, limit: number): Promise<FormData | undefined> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > limit) return undefined;
        chunks.push(chunk);
    }
    const headers = { "content-type": request.headers["content-type"] ?? "" };
    try {
        return await new Response(Buffer.concat(chunks), { headers }).formData();
    } catch {
        return undefined;
    }
}
