import { randomUUID } from "node:crypto";
import type { Database } from "./database";

/** Records what was changed. */
export type Audit = (action: string, subject: string, detail: Record<string, unknown>) => Promise<void>;

/**
 * Records into the audit database, if there is one. A change that was made stays made when its record cannot be
 * written: the failure goes to the log.
 */
export function auditInto(database: Database | undefined): Audit {
    if (!database) return async () => undefined;
    return async (action, subject, detail) => {
        try {
            await database.query(
                `insert into events (id, happened_at, action, subject, detail) values ($1, $2, $3, $4, $5)
                 on conflict do nothing`,
                [randomUUID(), new Date(), action, subject, detail],
            );
        } catch (error) {
            console.error(
                `"${action}" of ${subject} was not recorded: ${error instanceof Error ? error.message : error}`,
            );
        }
    };
}
