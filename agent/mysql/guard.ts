import { type MysqlManifest, mysqlManifestSchema } from "../../contract/manifest";
import { type MysqlPlan, nameInProduction } from "../../contract/mysql";
import { type Backup, chooseBackups } from "../backup/catalogue";
import { readManifest, refuseOtherTag } from "../backup/manifest";
import { Refusal } from "../refusal";
import { type MysqlHeader, readHeader } from "./header";
import { loginAccount } from "./login";
import { rowsOf } from "./rows";
import { type MysqlServer, productionsOwn } from "./server";

/** A backup that may be restored, as far as that can be told before. */
export interface MysqlChecked extends Backup {
    header: MysqlHeader;
    facts?: MysqlManifest;
}

/** What the plan says about backups, as the store is asked. */
export function wanted({ database }: MysqlPlan): Parameters<typeof chooseBackups>[0] {
    const named = database.databases.map((one) => {
        const production = nameInProduction(one);
        return {
            name: one.name,
            owner: one.name,
            ...(one.production && { production: { name: production, owner: production } }),
        };
    });
    const [first, ...others] = named as [(typeof named)[number], ...typeof named];
    return {
        backups: database.backups,
        backup: database.backup,
        maximumAge: database.maximumAge,
        dump: "database",
        databases: [first, ...others],
    };
}

/** What may speak against the restore, before anything is changed for it. Returns a backup for each database. */
export async function guard(plan: MysqlPlan, server: MysqlServer): Promise<MysqlChecked[]> {
    await refuseStrangeLogin(plan, server);
    const checked: MysqlChecked[] = [];
    for (const backup of await chooseBackups(wanted(plan))) {
        const header = await readHeader(backup);
        const facts = await readManifest(backup, mysqlManifestSchema);
        if (facts !== undefined && facts.server.id === server.identifier) {
            throw productionsOwn(plan.database, server.identifier, `, on which ${backup.name} was made`);
        }
        refuseOtherTag(plan, backup, facts);
        checked.push({ ...backup, header, ...(facts && { facts }) });
    }
    return checked;
}

/** The application must not be whoever restores, nor have rights beyond its own databases. */
async function refuseStrangeLogin({ database }: MysqlPlan, { admin }: MysqlServer): Promise<void> {
    const { user } = database.login;
    const names = database.databases.map(({ name }) => name);
    const found = await rowsOf<{ grants: string }>(
        admin,
        `select privilege_type as grants from information_schema.user_privileges
          where grantee like ? and privilege_type <> 'USAGE'
          union select concat('rights on ', table_schema) from information_schema.schema_privileges
          where grantee like ? and replace(table_schema, '\\\\', '') not in (?)`,
        [`'${user}'@%`, `'${user}'@%`, names],
    );
    if (user === database.server.user || found.length > 0) {
        const seen = user === database.server.user ? "restores as well" : `has ${found[0]?.grants}`;
        throw new Refusal(
            `Account ${loginAccount(database.login)}, which the application is to log in with, ${seen}: write another name to ` +
                "database.login, for an account that understudy may make.",
        );
    }
}
