// As service.cjs, on MySQL or MariaDB.
const { createConnection } = require(process.env.MYSQL_MODULE);
const { createServer } = require("node:http");

let rows = "none";

async function hold() {
    for (;;) {
        try {
            const client = await createConnection(process.env.DATABASE);
            client.on("error", () => {});
            for (;;) {
                const [[{ count }]] = await client.query("select count(*) as count from elgg_users");
                rows = String(count);
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
    "127.0.0.1",
);
process.on("SIGTERM", () => setTimeout(() => process.exit(0), 300));
hold();
