/** Files of scenarios that run beside each other have a cluster each, with a production and stacks of its own. */
export interface Lane {
    cluster: string;
    /** Folder of the node with its production's stores: not the demo's, which may be running beside the tests. */
    stores: string;
    /** Name of the workspace, which holds the state of its stacks. */
    workspace: string;
}

/** As many as files run beside each other: one for each of two cores, unless they play on one cluster that was brought. */
export const lanes = (process.env.UNDERSTUDY_CONTEXT === undefined ? [1, 2] : [1]).map(laneOf);

/** That of the file that is running; vitest counts those that run beside each other. */
export const lane = laneOf(Number(process.env.VITEST_POOL_ID ?? 1));

function laneOf(number: number): Lane {
    return {
        cluster: `test-${number}`,
        stores: `/var/lib/understudy-test-${number}`,
        workspace: `scenario-${number}`,
    };
}
