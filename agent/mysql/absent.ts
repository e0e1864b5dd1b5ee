import type { Engine } from "../engine";
import { Refusal } from "../refusal";

/** In the place of `engine.ts` where the agent has to be small. */
export function mysqlEngine(): Engine {
    throw new Refusal("This agent is made for PostgreSQL alone: replicas of MySQL and MariaDB stand on hosts.");
}
