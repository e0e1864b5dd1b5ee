/** Passwords of the roles that a stack has on its server. */
import { type Client, escapeIdentifier as name, escapeLiteral as text } from "pg";
import { fits, scramVerifier } from "./scram";

/**
 * Gives a role its password, unless it has it: the stack file asks for others, or a wipe has left the databases on a server
 * that is brought, and the next update derives other ones.
 *
 * @returns whether it had another one
 */
export async function renewPassword(admin: Client, role: string, password: string): Promise<boolean> {
    const { rows } = await admin.query<{ verifier: string | null }>(
        "select rolpassword as verifier from pg_authid where rolname = $1",
        [role],
    );
    if (fits(password, rows[0]?.verifier ?? "")) {
        return false;
    }
    await admin.query(`alter role ${name(role)} password ${text(scramVerifier(password))}`);
    return true;
}
