import { defineConfig } from "vitest/config";
import { lanes } from "./test/scenario/lane";

/** Real servers start and clusters converge: patience is generous, and no test asserts a time. */
const patience = { testTimeout: 300_000, hookTimeout: 900_000 };

export default defineConfig({
    test: {
        projects: [
            {
                test: {
                    ...patience,
                    name: "unit",
                    include: ["test/unit/**/*.test.ts"],
                    // Pure functions: the files share the modules that they load, which takes longer than the tests.
                    isolate: false,
                    maxWorkers: 2,
                },
            },
            {
                test: {
                    ...patience,
                    name: "local",
                    include: ["test/{program,postgres,mysql,media,mail,banner,buckets,faults,hosts}/**/*.test.ts"],
                    maxWorkers: 2,
                },
            },
            {
                test: {
                    ...patience,
                    // A step may be several updates, each of which is given up after minutes.
                    testTimeout: 900_000,
                    name: "cluster",
                    include: ["test/{cluster,standins,scenario}/**/*.test.ts"],
                    // Each lane has a cluster, and each file's steps come in their order.
                    maxWorkers: lanes.length,
                },
            },
        ],
    },
});
