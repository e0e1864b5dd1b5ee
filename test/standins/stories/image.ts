/** An image that every cluster for tests has: enough for a shell. */
export const image = "node:20-bookworm-slim";
