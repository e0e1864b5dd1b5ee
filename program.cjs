// Where Pulumi begins. It could load TypeScript itself, in twice the time: tsx compiles faster, and keeps what it made.
require("tsx/cjs/api").register();
module.exports = require("./index.ts");
