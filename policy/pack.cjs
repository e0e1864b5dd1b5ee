// Where Pulumi begins with the pack, as it does with the program in program.cjs: its own loader would check all types first.
const plain = require.extensions[".js"];
require("tsx/cjs/api").register();
require.extensions[".js"] = plain;
require("./index.ts");
