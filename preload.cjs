// Loaded before all else, by the command line and by Pulumi for its program. Pulumi loads the TypeScript compiler and npm's
// Arborist at its start, which takes longer than the rest of it, and needs them for functions that become resources: this
// program has none. They are loaded when anything of them is asked for.
const Module = require("node:module");

const load = Module._load;
const postponed = new Set(["typescript", "@npmcli/arborist"]);

Module._load = function (request, parent, ...rest) {
    if (!postponed.has(request) || !/[\\/]@pulumi[\\/]pulumi[\\/]/.test(parent?.filename ?? "")) {
        return load.call(this, request, parent, ...rest);
    }
    let loaded;
    const real = () => (loaded ??= load.call(this, request, parent, ...rest));
    // As a module of ECMAScript it is handed on as it is, and not copied, which would load it.
    return new Proxy({ __esModule: true }, { get: (_, name) => (name === "__esModule" ? true : real()[name]) });
};
