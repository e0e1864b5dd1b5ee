// A program that makes nothing but bucket copies.
require("tsx/cjs/api").register();
module.exports = require("./program.ts");
