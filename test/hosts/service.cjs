// A service as a machine has it: holds a connection to its database all the time, tries again when it is cut, and says on a
// page how many rows there are. Ends when told to, after a moment, as real ones do.
const { Client } = require(process.env.PG_MODULE);
const { createServer } = require("node:http");

let client;
let rows = "none";

async function hold() {
    for (;;) {
        try {
            client = new Client({ connectionString: process.env.DATABASE, application_name: "service" });
            client.on("error", () => {});
            await client.connect();
            for (;;) {
                rows = (await client.query("select count(*) from item")).rows[0].count;
                await new Promise((resolve) => setTimeout(resolve, 100));
            }
        } catch (error) {
            rows = error.code || "none";
            await new Promise((resolve) => setTimeout(resolve, 200));
        }
    }
}

createServer((_, response) => response.writeHead(/^\d+$/.test(rows) ? 200 : 503).end(rows)).listen(
    Number(process.env.PORT),
    process.env.HOST || "127.0.0.1",
);
if (process.env.STUBBORN) {
    process.on("SIGTERM", () => {});
} else {
    process.on("SIGTERM", () => setTimeout(() => process.exit(0), 300));
}
hold();
