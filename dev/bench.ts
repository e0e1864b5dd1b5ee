/** `npm run bench -- <name>`: runs one of the measurements in bench/. */
import { buckets } from "../bench/buckets";
import { database } from "../bench/database";
import { media } from "../bench/media";
import { mysql } from "../bench/mysql";
import { neutral } from "../bench/neutral";
import { program } from "../bench/program";

const benches: Record<string, () => Promise<void>> = { buckets, database, media, mysql, neutral, program };

const bench = benches[process.argv[2] ?? ""];
if (bench === undefined) {
    console.error(
        `Say which to run: ${Object.keys(benches)
            .map((name) => `npm run bench -- ${name}`)
            .join(", ")}.`,
    );
    process.exit(2);
}
bench().then(
    () => process.exit(0),
    (error: Error) => {
        console.error(error.message);
        process.exit(1);
    },
);
