import type { Connection } from "mysql2/promise";
import { dropping, objectsIn } from "../objects";

/**
 * Changes tables of a database. What production set off with a change of theirs is not set off: it would write down what they
 * held, or act as production. Keys that refer to each other are not compared meanwhile.
 *
 * @param connection the generation's own account's, in that database
 */
export async function undisturbed<T>(connection: Connection, database: string, work: () => Promise<T>): Promise<T> {
    const triggers = (await objectsIn(connection, database)).filter(({ kind }) => kind === "trigger");
    for (const trigger of triggers) {
        await connection.query(dropping(trigger, database));
    }
    await connection.query("set session foreign_key_checks = 0");
    const done = await work();
    await connection.query("set session foreign_key_checks = 1");
    for (const { sql, settings } of triggers) {
        await connection.query(settings);
        await connection.query(sql);
    }
    return done;
}
