import type { Engine } from "../engine";
import { Refusal } from "../refusal";
import type { MysqlDumps } from "./dump";

const absent = "This agent is made for PostgreSQL alone: replicas of MySQL and MariaDB stand on hosts.";

/** In the place of `engine.ts` where the agent has to be small. */
export function mysqlEngine(): Engine {
    throw new Refusal(absent);
}

/** In the place of `dump.ts`. */
export async function openDumps(): Promise<MysqlDumps> {
    throw new Refusal(absent);
}

/** In the place of `dump.ts`. */
export function storedFiles(): never {
    throw new Refusal(absent);
}
