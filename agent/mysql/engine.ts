import { copyPlan } from "../../contract";
import type { MysqlPlan } from "../../contract/mysql";
import { backupsOf } from "../backup/catalogue";
import type { Engine } from "../engine";
import { compareReferences } from "../references";
import { wanted } from "./guard";
import { openLive } from "./live";
import { onServer, roomForDatabase } from "./look";
import { countInUse } from "./neutral/count";
import { runHooksOnce } from "./neutral/once";
import { proposeMasking } from "./neutral/proposal";
import { namedByRows } from "./references";
import { prepareDatabase } from "./restore";
import { retireDatabases } from "./retire";
import { switchDatabase } from "./switch";
import { wipeDatabases } from "./wipe";

/** What is done with a database of MySQL or MariaDB. */
export function mysqlEngine(plan: MysqlPlan): Engine {
    const copies = copyPlan(plan);
    return {
        prepare: (signal) => prepareDatabase(plan, signal),
        switch: (signal) => switchDatabase(plan, signal),
        retire: async (signal) => ({ ...(await retireDatabases(plan, signal)), bases: [] }),
        wipe: (signal) => wipeDatabases(plan, signal),
        hooks: (point, signal) => runHooksOnce(point, plan, signal),
        references: async (signal) =>
            copies && compareReferences(copies, (asked) => namedByRows(copies, asked, signal)),
        backups: () => backupsOf(wanted(plan)),
        found: () => onServer(plan),
        live: (signal) => openLive(plan, signal),
        room: () => roomForDatabase(plan),
        proposeMasking: (signal) => proposeMasking(plan, signal),
        countRewrites: (signal) => countInUse(plan, signal),
    };
}
