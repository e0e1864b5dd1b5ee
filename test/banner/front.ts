/** A real nginx with the very configuration of a replica, before an application of the test's own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bannerCommand, bannerConfiguration } from "../../components/banner-configuration";
import { installPackages } from "../../dev/packages";
import { freePort } from "../postgres/server";

export interface Front {
    /** Address of nginx, without a slash at its end. */
    url: string;
    /** The application itself, behind it. */
    application: Server;
    stop(): Promise<void>;
}

/** Starts nginx before an application. */
export async function startFront(text: string, listener: RequestListener): Promise<Front> {
    if (!existsSync("/usr/lib/nginx/modules/ngx_http_js_module.so")) {
        await installPackages(["nginx", "libnginx-mod-http-js"]);
    }
    const application = createServer(listener).listen(0, "127.0.0.1");
    await once(application, "listening");
    const [port, { port: applicationPort }] = [await freePort(), application.address() as AddressInfo];
    const folder = mkdtempSync(join(tmpdir(), "understudy-banner-"));
    const folders = { configuration: folder, temporary: join(folder, "tmp") };
    mkdirSync(folders.temporary);
    chmodSync(folder, 0o755);
    chmodSync(folders.temporary, 0o777);
    for (const [name, content] of Object.entries(bannerConfiguration({ text, port, applicationPort, folders }))) {
        writeFileSync(join(folder, name), content);
    }
    const [program = "", ...args] = bannerCommand(folders);
    // As in a pod: nobody in particular.
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const nginx = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"], ...nobody });
    const url = `http://127.0.0.1:${port}`;
    await answering(url, nginx);
    return {
        url,
        application,
        stop: async () => {
            nginx.kill("SIGTERM");
            await once(nginx, "exit");
            application.closeAllConnections();
            application.close();
            rmSync(folder, { recursive: true });
        },
    };
}

async function answering(url: string, nginx: ChildProcess): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
        const there = await fetch(`${url}/robots.txt`).then(
            ({ ok }) => ok,
            () => false,
        );
        if (there) {
            return;
        }
        if (nginx.exitCode !== null) {
            break;
        }
        await sleep(50);
    }
    throw new Error("nginx does not answer.");
}
