import type { Engine } from "../engine";
import { Refusal } from "../refusal";
import type { MysqlDump } from "./dump";

const absent = "This agent is made for PostgreSQL alone: replicas of MySQL and MariaDB stand on hosts.";

/** In the place of `engine.ts` where the agent has to be small. */
export function mysqlEngine(): Engine {
    throw new Refusal(absent);
}

/** In the place of `dump.ts`. */
export async function openDump(): Promise<MysqlDump> {
    throw new Refusal(absent);
}
