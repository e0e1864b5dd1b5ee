import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

/** Rounds that PostgreSQL itself takes. */
const iterations = 4096;

/**
 * What PostgreSQL stores of a password (SCRAM-SHA-256). Sent in place of the password itself, which then cannot turn
 * up in a server's log.
 */
export function scramVerifier(password: string, salt = randomBytes(16)): string {
    const salted = pbkdf2Sync(password.normalize("NFKC"), salt, iterations, 32, "sha256");
    const key = (name: string) => createHmac("sha256", salted).update(name).digest();
    const storedKey = createHash("sha256").update(key("Client Key")).digest("base64");
    const serverKey = key("Server Key").toString("base64");
    return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey}:${serverKey}`;
}

/** Whether a password is the one that PostgreSQL stores this of. */
export function fits(password: string, verifier: string): boolean {
    const salt = /^SCRAM-SHA-256\$\d+:([^$]+)\$/.exec(verifier)?.[1];
    return salt !== undefined && scramVerifier(password, Buffer.from(salt, "base64")) === verifier;
}
