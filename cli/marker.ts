import { markerSql } from "../contract";
import { mysqlMarkerSql } from "../contract/mysql";
import { engineIn } from "../settings/hosts/server";
import { fromText } from "../settings/problems";
import { project } from "./project";
import { readStackFile } from "./stack-files";

/**
 * SQL that marks a server as a stack's, in the words of the engine that its stack file names; PostgreSQL's if there is no
 * such file yet.
 */
export async function markerOf(stack: string): Promise<string> {
    const config = await readStackFile(process.cwd(), stack).catch((): Record<string, string> => ({}));
    const engine = engineIn({ database: fromText(config[`${project}:database`] ?? "") });
    const sql = engine === "mysql" ? mysqlMarkerSql : markerSql;
    return sql(`${project}/${stack}`);
}
