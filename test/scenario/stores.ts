/** Folder of the node with the tests' production's stores: not the demo's, which may be running beside the tests. */
export const stores = "/var/lib/understudy-test";
