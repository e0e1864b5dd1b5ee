import { defineConfig } from "vitest/config";

/** Real servers start and clusters converge: patience is generous, and no test asserts a time. */
const common = { testTimeout: 900_000, hookTimeout: 1_800_000 };

export default defineConfig({
    test: {
        projects: [
            {
                test: {
                    ...common,
                    name: "unit",
                    include: ["test/unit/**/*.test.ts"],
                    // Pure functions: the files share the modules that they load, which takes longer than the tests.
                    isolate: false,
                    maxWorkers: 2,
                },
            },
            {
                test: {
                    ...common,
                    name: "local",
                    include: ["test/{program,postgres,mysql,media,mail,banner,buckets,faults,hosts,page}/**/*.test.ts"],
                    maxWorkers: 2,
                },
            },
            {
                test: {
                    ...common,
                    name: "cluster",
                    include: ["test/{cluster,standins,scenario}/**/*.test.ts"],
                    // As many as there are lanes, each with a cluster (test/scenario/lane.ts).
                    maxWorkers: process.env.UNDERSTUDY_CONTEXT === undefined ? 2 : 1,
                },
            },
        ],
    },
});
