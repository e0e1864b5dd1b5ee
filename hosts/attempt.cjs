// Tries to reach servers: `node - <host>:<port> …`, on machines that need not have the agent, with any Node.
const { lookup } = require("node:dns").promises;
const { connect } = require("node:net");

/** Milliseconds after which nobody answers: a firewall that drops what comes does so without a word. */
const patience = 5000;

async function attempt(address) {
    const colon = address.lastIndexOf(":");
    const name = address.slice(0, colon).replace(/^\[|\]$/g, "");
    const port = Number(address.slice(colon + 1));
    const servers = await lookup(name, { all: true }).catch(() => []);
    if (servers.length === 0) {
        return "nameless";
    }
    const answers = await Promise.all(servers.map((server) => opens(server.address, port)));
    return answers.includes(true) ? "reached" : "closed";
}

function opens(host, port) {
    return new Promise((resolve) => {
        const socket = connect({ host, port, timeout: patience });
        const end = (isOpen) => {
            socket.destroy();
            resolve(isOpen);
        };
        socket.once("connect", () => end(true));
        socket.once("timeout", () => end(false));
        socket.once("error", () => end(false));
    });
}

const addresses = process.argv.slice(2);
Promise.all(addresses.map(attempt)).then((found) => process.stdout.write(JSON.stringify(found)));
