/** The part of a stack file that says what the replica's machines must not reach. */
import { z } from "zod";
import { port, reachable } from "../values";

/** A server's address with its port. */
const address = z.string().refine(isAddress, {
    error: "write a host name in lower case or an address, and a port: db01.example.org:5432 or [2001:db8::1]:5432",
});

export const isolation = z.strictObject({
    /** Servers such as production's database: every machine of the replica tries to reach each, and none may. */
    unreachable: z.array(address).default([]),
});

function isAddress(text: string): boolean {
    const [, v6, name, number] = /^(?:\[([0-9a-f:.]+)\]|([^:]+)):([1-9]\d*)$/.exec(text) ?? [];
    return (v6 !== undefined || reachable.safeParse(name).success) && port.safeParse(Number(number)).success;
}
