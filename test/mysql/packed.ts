import { execFile } from "node:child_process";
import { promisify } from "node:util";

const packer =
    (program: string, ...args: string[]) =>
    async (bytes: Buffer): Promise<Buffer> => {
        const running = promisify(execFile)(program, [...args, "--stdout"], { encoding: "buffer", maxBuffer: 2 ** 30 });
        running.child.stdin?.end(bytes);
        return (await running).stdout;
    };

export const xz = packer("xz", "-1");
export const zstd = packer("zstd", "--quiet");
export const bzip2 = packer("bzip2");
