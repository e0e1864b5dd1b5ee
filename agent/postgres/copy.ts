import { type Client, DatabaseError, escapeIdentifier as name } from "pg";
import { log } from "../report";

/** First major version in which a copy can go through the write-ahead log, and would by itself. */
const throughLog = 15;

/** The function of the server in which a file system says that files cannot share blocks. */
const sharing = "clone_file";

/** SQLSTATE of a full disk. */
const diskFull = "53100";

/**
 * Copies a database inside the server: files, not rows through the write-ahead log, which a large database would fill. Where
 * server and file system can (PostgreSQL 18; XFS, Btrfs), the files share their blocks until one of them is written.
 *
 * @param owner who may drop the copy; the superuser if left out
 */
export async function copyDatabase(
    admin: Client,
    major: number,
    from: string,
    to: string,
    owner?: string,
): Promise<void> {
    const strategy = major >= throughLog ? "strategy file_copy" : "";
    const owned = owner === undefined ? "" : `owner ${name(owner)}`;
    const copy = () => admin.query(`create database ${name(to)} template ${name(from)} ${owned} ${strategy}`);
    if (await canShare(admin)) {
        try {
            // For this session, whose lock nobody else has: the server may be somebody's own.
            await admin.query("set file_copy_method = clone");
            await copy();
        } catch (error) {
            if (!isRefusal(error)) {
                throw error;
            }
            log(`files cannot share blocks here (${error.message}): copying them`);
            await admin.query("set file_copy_method = copy");
            await copy();
        }
    } else {
        await copy();
    }
    await admin.query(`revoke all on database ${name(to)} from public`);
}

/** Whether the server asks its file system for shared blocks; where that has none, Linux mostly copies by itself. */
async function canShare(admin: Client): Promise<boolean> {
    const { rowCount } = await admin.query(
        "select from pg_settings where name = 'file_copy_method' and 'clone' = any (enumvals)",
    );
    return rowCount === 1;
}

function isRefusal(error: unknown): error is DatabaseError {
    return error instanceof DatabaseError && error.routine === sharing && error.code !== diskFull;
}
