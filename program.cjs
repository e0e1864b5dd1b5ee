// Where Pulumi begins. It could load TypeScript itself; tsx does it here as for the command line, and a little faster.
const plain = require.extensions[".js"];
require("tsx/cjs/api").register();
// Packages are JavaScript already: read through tsx as well, they took half as long again to load.
require.extensions[".js"] = plain;
module.exports = require("./index.ts");
