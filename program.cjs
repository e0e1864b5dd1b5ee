// Where Pulumi begins. It could load TypeScript itself; tsx does it here as for the command line, and a little faster.
require("tsx/cjs/api").register();
module.exports = require("./index.ts");
