import type { ImageSpec } from "./spec";

/** An image with the contract of the official `nginx:1.28-bookworm`: account `nginx` with uid 101, nginx's module njs. */
export function nginxImage(): ImageSpec {
    return {
        tags: ["nginx:1.28-bookworm"],
        users: [{ name: "nginx", uid: 101, home: "/var/cache/nginx" }],
        packages: ["nginx", "libnginx-mod-http-js"],
        ports: [80],
        stopSignal: "SIGQUIT",
        cmd: ["nginx", "-g", "daemon off;"],
    };
}
