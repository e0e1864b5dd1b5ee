// Where the commands of Pulumi's resources begin; see program.cjs.
const plain = require.extensions[".js"];
require("tsx/cjs/api").register();
require.extensions[".js"] = plain;
require("./main.ts");
