import type { ImageSpec } from "./spec";

/** An image with the contract of the official `redis:7-bookworm`: account `redis` with uid 999, and folder `/data`. */
export function redisImage(): ImageSpec {
    return {
        tags: ["redis:7-bookworm"],
        users: [{ name: "redis", uid: 999, home: "/data" }],
        packages: ["redis-server"],
        commands: ["install --directory --owner=redis --group=redis --mode=755 /data"],
        volumes: ["/data"],
        workdir: "/data",
        user: "999:999",
        ports: [6379],
        cmd: ["redis-server"],
    };
}
